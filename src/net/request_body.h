// The body of a request as the parser fills it: kept whole, or taken away piece by piece. Internal
// to net.
#pragma once

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <string>

#include "base/limits.h"

namespace amic::net {

struct RequestBody {
  struct value_type {
    std::string text;
    bool streamed = false;  // to be set once the header is there
  };

  class reader {
   public:
    template <bool kIsRequest, class Fields>
    reader(boost::beast::http::header<kIsRequest, Fields>&, value_type& body) : body_(body) {}
    // Room for all of it at once, unless it is never held at once.
    void init(boost::optional<std::uint64_t> const& length, boost::system::error_code& error) {
      error = {};
      if (length && !body_.streamed)
        body_.text.reserve(std::min<std::uint64_t>(*length, limits::kHttpBodyBytesMax));
    }
    template <class Buffers>
    std::size_t put(Buffers const& buffers, boost::system::error_code& error) {
      error = {};
      std::size_t total = 0;
      auto const end = boost::asio::buffer_sequence_end(buffers);
      for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end; ++at) {
        boost::asio::const_buffer const part = *at;
        body_.text.append(static_cast<char const*>(part.data()), part.size());
        total += part.size();
      }
      return total;
    }
    void finish(boost::system::error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

}  // namespace amic::net
