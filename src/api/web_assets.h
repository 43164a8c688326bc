// The web face: files made by web/build.sh, embedded with their brotli and gzip forms. They say
// nothing about a node or its holdings, so they need no session; what they then ask of the API
// does.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "net/http.h"

namespace amic::api {

struct WebAsset {
  std::string_view path;  // "/index.html", "/assets/index-C8sh2k.js"
  std::string_view media_type;
  std::string_view plain, gzip, brotli;  // the last two may be empty: not worth it
};

// Made at build time; empty if the program was built without the web face.
std::span<WebAsset const> web_assets();

// The answer to a GET or HEAD of a page ("/", "/watch", ...) or a file of it; nullopt for all else.
// Pages are the one index.html and must not be kept by caches; file names hold a hash of what is in
// them.
std::optional<net::Response> web_response(std::span<WebAsset const> assets,
                                          net::Request const& request);

}  // namespace amic::api
