// The requests that wait for a sequence, first come, first served.
#pragma once

#include <algorithm>
#include <deque>
#include <thread>

#include "mailbox.hpp"
#include "request.hpp"

namespace cyllama {

// Borrows its requests, until it hands each back.
struct Waiting {
    std::deque<Request *> requests;

    // Ends who was interrupted, wherever he stands, and hands back who is done.
    void sweep(Mailbox &mailbox) {
        const auto is_over = [&mailbox](Request *request) {
            const Reason reason = request->interruption();
            if (request->begun && reason != Reason::none) {
                request->finish(reason);  // it had lost its place to others
            }
            if (request->settle() || request->done()) {
                mailbox.hand_back(*request);
                return true;
            }
            return false;
        };
        requests.erase(std::remove_if(requests.begin(), requests.end(), is_over), requests.end());
    }

    // Ends them all: as cancelled where the cancel that came with the stop reaches, else as closed.
    void close(Mailbox &mailbox) {
        for (Request *request : requests) {
            const Reason reason = request->interruption();
            if (request->begun || request->claim()) {
                request->finish(reason != Reason::none ? reason : Reason::closed);
            }
            while (!request->done()) {
                std::this_thread::yield();  // somebody else ends it this moment
            }
            mailbox.hand_back(*request);
        }
        requests.clear();
    }
};

}  // namespace cyllama
