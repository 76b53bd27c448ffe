// Reads GBNF, llama.cpp's notation of grammars (its grammars/README.md), without its tokens in angle brackets.
//
// Not llama.cpp's own reader: that one writes what is wrong to stderr instead of saying it, and a hostile grammar ends its process
// by a stack overflow (nested groups), for want of memory ({5,2}) or never (its search for left recursion is exponential).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grammar.hpp"
#include "utf8_ranges.hpp"

namespace cyllama {

class GbnfReader {
  public:
    // text: UTF-8.
    static Grammar read(std::string_view text) {
        Grammar grammar;
        GbnfReader(text, grammar).read_rules();
        return grammar;
    }

  private:
    static constexpr int deepest = 200;  // nested groups: each takes a piece of this thread's stack
    static constexpr std::size_t most_times = 100'000;

    GbnfReader(std::string_view text, Grammar &grammar) : text_(text), grammar_(grammar), build_(grammar) {}

    void read_rules() {
        try {
            skip(true);
            while (!at_end()) {
                read_rule();
            }
        } catch (const GrammarError &error) {
            throw GrammarError(std::string(error.what()) + place());
        }
        check_names();
    }

    void read_rule() {
        const std::string name = read_name();
        skip(false);
        if (text_.substr(at_, 3) != "::=") {
            throw GrammarError("expected ::= after the rule's name '" + name + "'");
        }
        at_ += 3;
        skip(true);
        const std::uint32_t rule = rule_of(name);
        const Fragment whole = read_choice(0);
        grammar_.starts[rule] = build_.finish(whole);
        is_defined_[rule] = true;
        if (!at_end() && peek() != '\r' && peek() != '\n') {
            throw GrammarError("expected the end of the rule '" + name + "'");
        }
        skip(true);
    }

    Fragment read_choice(int depth) {
        std::vector<Fragment> parts{read_sequence(depth)};
        while (peek() == '|') {
            ++at_;
            skip(true);
            parts.push_back(read_sequence(depth));
        }
        return build_.choice(parts);
    }

    Fragment read_sequence(int depth) {
        Fragment whole = build_.nothing();
        Fragment item = whole;
        bool has_item = false;
        for (;;) {
            if (is_repetition(peek())) {
                if (!has_item) {
                    throw GrammarError("there is nothing to repeat before this");
                }
                item = read_repetition(item, depth);
            } else if (starts_item(peek())) {
                if (has_item) {
                    whole = build_.sequence(whole, item);
                }
                item = read_item(depth);
                has_item = true;
            } else {
                return has_item ? build_.sequence(whole, item) : whole;
            }
            skip(depth > 0);
        }
    }

    Fragment read_item(int depth) {
        switch (peek()) {
        case '"':
            return read_literal();
        case '[':
            return read_class();
        case '.':
            ++at_;
            return characters({{0, last_character}});
        case '(':
            return read_group(depth);
        case '<':
        case '!':
            throw GrammarError("tokens in angle brackets are not supported: write the text");
        default:
            return build_.call(rule_of(read_name()));
        }
    }

    Fragment read_group(int depth) {
        if (depth >= deepest) {
            throw GrammarError("groups are nested more than " + std::to_string(deepest) + " deep");
        }
        ++at_;
        skip(true);
        const Fragment inside = read_choice(depth + 1);
        if (peek() != ')') {
            throw GrammarError("expected )");
        }
        ++at_;
        return inside;
    }

    Fragment read_literal() {
        ++at_;
        Fragment whole = build_.nothing();
        while (peek() != '"') {
            const std::uint32_t character = read_character();
            whole = build_.sequence(whole, characters({{character, character}}));
        }
        ++at_;
        return whole;
    }

    Fragment read_class() {
        ++at_;
        const bool inverse = peek() == '^';
        at_ += inverse ? 1 : 0;
        std::vector<Range> ranges;
        while (peek() != ']') {
            const std::uint32_t low = read_character();
            std::uint32_t high = low;
            if (peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
                ++at_;
                high = read_character();
            }
            if (high < low) {
                throw GrammarError("a range of characters ends before it begins");
            }
            ranges.emplace_back(low, high);
        }
        ++at_;
        if (ranges.empty()) {
            throw GrammarError("a set of characters is empty");
        }
        return characters(normalized(std::move(ranges), inverse));
    }

    // One of these characters.
    Fragment characters(const std::vector<Range> &ranges) {
        std::vector<ByteRanges> spellings;
        for (const Range &range : ranges) {
            for_each_spelling(range.first, range.second, [&](const ByteRanges &bytes) { spellings.push_back(bytes); });
        }
        const std::uint32_t exit = build_.nothing().exit;
        std::vector<std::uint32_t> seconds;  // the state after the first byte of each spelling
        for (const ByteRanges &bytes : spellings) {
            std::uint32_t next = exit;
            for (std::size_t index = bytes.size(); index-- > 1;) {
                next = read_byte({{bytes[index], next}});
            }
            seconds.push_back(next);
        }
        std::vector<std::pair<ByteRanges::value_type, std::uint32_t>> firsts;
        for (std::size_t index = 0; index < spellings.size(); ++index) {
            firsts.emplace_back(spellings[index].front(), seconds[index]);
        }
        return {exit, read_byte(firsts), exit};
    }

    std::uint32_t read_byte(const std::vector<std::pair<ByteRanges::value_type, std::uint32_t>> &ways) {
        const auto state = static_cast<std::uint32_t>(grammar_.states.size());
        const std::size_t first_edge = grammar_.edges.size();
        for (const auto &[bytes, target] : ways) {
            grammar_.edges.push_back({bytes.first, bytes.second, GrammarBuilder::relative(state, target)});
        }
        return build_.read(first_edge);
    }

    Fragment read_repetition(const Fragment &item, int depth) {
        const char mark = text_[at_++];
        if (mark != '{') {
            return build_.repeat(item, mark == '+' ? 1 : 0, 1, mark != '?');
        }
        skip(depth > 0);
        const std::size_t least = read_number();
        std::size_t most = least;
        bool endless = false;
        skip(depth > 0);
        if (peek() == ',') {
            ++at_;
            skip(depth > 0);
            endless = peek() == '}';
            most = endless ? least : read_number();
            skip(depth > 0);
        }
        if (peek() != '}') {
            throw GrammarError("expected } after a number of repetitions");
        }
        ++at_;
        if (most < least) {
            throw GrammarError("the most repetitions are fewer than the least");
        }
        return build_.repeat(item, least, most, endless);
    }

    std::size_t read_number() {
        if (!is_digit(peek())) {
            throw GrammarError("expected a number");
        }
        std::size_t number = 0;
        for (; is_digit(peek()); ++at_) {
            number = number * 10 + static_cast<std::size_t>(text_[at_] - '0');
            if (number > most_times) {
                throw GrammarError("at most " + std::to_string(most_times) + " repetitions are possible");
            }
        }
        return number;
    }

    std::string read_name() {
        const std::size_t first = at_;
        while (is_word(peek())) {
            ++at_;
        }
        if (at_ == first) {
            throw GrammarError("expected a rule's name");
        }
        return std::string(text_.substr(first, at_ - first));
    }

    std::uint32_t read_character() {
        if (at_end()) {
            throw GrammarError("the text ends within quotes or brackets");
        }
        const auto byte = static_cast<unsigned char>(text_[at_++]);
        if (byte == '\\') {
            return read_escape();
        }
        if (byte < 0x80) {
            return byte;
        }
        std::uint32_t character = byte < 0xE0 ? byte & 0x1F : byte < 0xF0 ? byte & 0x0F : byte & 0x07;
        for (int left = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3; left > 0 && !at_end(); --left) {
            character = character << 6 | (static_cast<unsigned char>(text_[at_++]) & 0x3F);
        }
        return character;
    }

    std::uint32_t read_escape() {
        const char letter = peek();
        ++at_;
        switch (letter) {
        case 'x':
            return read_hex(2);
        case 'u':
            return read_hex(4);
        case 'U':
            return read_hex(8);
        case 't':
            return '\t';
        case 'r':
            return '\r';
        case 'n':
            return '\n';
        case '\\':
        case '"':
        case '[':
        case ']':
        case '-':
            return static_cast<unsigned char>(letter);
        default:
            throw GrammarError("there is no such escape");
        }
    }

    std::uint32_t read_hex(int digits) {
        std::uint32_t value = 0;
        for (; digits > 0; --digits, ++at_) {
            const char digit = peek();
            const int lower = digit | 0x20;
            if (!is_digit(digit) && !('a' <= lower && lower <= 'f')) {
                throw GrammarError("expected a hexadecimal digit");
            }
            value = value << 4 | static_cast<std::uint32_t>(is_digit(digit) ? digit - '0' : lower - 'a' + 10);
        }
        if (value > last_character) {
            throw GrammarError("there is no such character");
        }
        return value;
    }

    // Past spaces and comments, and line breaks where they mean nothing.
    void skip(bool lines_too) {
        for (; !at_end(); ++at_) {
            const char character = peek();
            if (character == '#') {
                while (at_ + 1 < text_.size() && text_[at_ + 1] != '\r' && text_[at_ + 1] != '\n') {
                    ++at_;
                }
            } else if (character != ' ' && character != '\t' && !(lines_too && (character == '\r' || character == '\n'))) {
                return;
            }
        }
    }

    std::uint32_t rule_of(const std::string &name) {
        const auto [place, is_new] = rules_.try_emplace(name, static_cast<std::uint32_t>(grammar_.starts.size()));
        if (is_new) {
            grammar_.starts.push_back(0);
            is_defined_.push_back(false);
        }
        return place->second;
    }

    void check_names() {
        const auto root = rules_.find("root");
        if (root == rules_.end()) {
            throw GrammarError("it has no rule 'root'");
        }
        grammar_.root = root->second;
        for (const auto &[name, rule] : rules_) {
            if (!is_defined_[rule]) {
                throw GrammarError("the rule '" + name + "' is not defined");
            }
        }
    }

    std::string place() const {
        const std::string_view before = text_.substr(0, at_);
        std::size_t line = 1;
        for (const char character : before) {
            line += character == '\n' ? 1 : 0;
        }
        const std::size_t column = at_ - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
        return " (line " + std::to_string(line) + ", column " + std::to_string(column) + ")";
    }

    static bool is_digit(char character) noexcept { return '0' <= character && character <= '9'; }
    static bool is_word(char character) noexcept {
        const int lower = character | 0x20;
        return ('a' <= lower && lower <= 'z') || is_digit(character) || character == '-';
    }
    static bool is_repetition(char character) noexcept {
        return character == '*' || character == '+' || character == '?' || character == '{';
    }
    static bool starts_item(char character) noexcept {
        return character != '\0' && (is_word(character) || std::string_view("\"[.(<!").find(character) != std::string_view::npos);
    }

    bool at_end() const noexcept { return at_ >= text_.size(); }
    char peek() const noexcept { return at_end() ? '\0' : text_[at_]; }

    const std::string_view text_;
    std::size_t at_ = 0;
    Grammar &grammar_;
    GrammarBuilder build_;
    std::map<std::string, std::uint32_t> rules_;
    std::vector<bool> is_defined_;
};

}  // namespace cyllama
