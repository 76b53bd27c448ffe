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

#include "endings.hpp"
#include "gbnf_scanner.hpp"
#include "grammar.hpp"
#include "utf8_ranges.hpp"

namespace cyllama {

class GbnfReader : private GbnfScanner {
  public:
    // text: UTF-8 without NUL.
    static Grammar read(std::string_view text) {
        Grammar grammar;
        GbnfReader(text, grammar).read_rules();
        grammar.shorten();
        if (!Endings(grammar).can_end(grammar.root)) {
            throw GrammarError("no text can come of its rule 'root': every way through it comes to a rule again that it is in already");
        }
        return grammar;
    }

  private:
    static constexpr int deepest = 200;  // nested groups: each takes a piece of this thread's stack

    GbnfReader(std::string_view text, Grammar &grammar) : GbnfScanner(text), grammar_(grammar), build_(grammar) {}

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
        grammar_.starts[rule] = build_.finish(whole, rule);
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

    Grammar &grammar_;
    GrammarBuilder build_;
    std::map<std::string, std::uint32_t> rules_;
    std::vector<bool> is_defined_;
};

}  // namespace cyllama
