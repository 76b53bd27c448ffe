// The characters, numbers and names of a grammar's text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "grammar.hpp"
#include "utf8_ranges.hpp"

namespace cyllama {

class GbnfScanner {
  protected:
    // text: UTF-8 without NUL.
    explicit GbnfScanner(std::string_view text) : text_(text) {}

    std::string place() const {
        const std::string_view before = text_.substr(0, at_);
        std::size_t line = 1;
        for (const char character : before) {
            line += character == '\n' ? 1 : 0;
        }
        const std::size_t column = at_ - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
        return " (line " + std::to_string(line) + ", column " + std::to_string(column) + ")";
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
    std::size_t at_ = 0;  // the next byte

  private:
    static constexpr std::size_t most_times = 100'000;
};

}  // namespace cyllama
