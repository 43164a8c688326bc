// The head of an answer as it goes on the wire. Internal to net.
#pragma once

#include <string>

#include "net/http.h"

namespace amic::net {

void append_number(std::string& out, std::size_t number, int base = 10);

// False: a handler has made something that can't be sent.
bool headers_are_sound(Response const& response);

struct HeadFrame {
  bool streamed = false;  // its length is not known: chunked
  bool keep_alive = false;
  bool http10 = false;
};
std::string response_head(Response const& response, HeadFrame const& frame);

}  // namespace amic::net
