// Maps method and path to a handler.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http.h"
#include "net/target.h"

namespace amic::net {

// What a route matched.
struct Match {
  Target target;
  std::vector<std::pair<std::string, std::string>> params;  // "{id}" -> decoded segment
  std::string_view param(std::string_view name) const;      // empty if absent
};

using RouteHandler = std::function<void(Request, Match, Responder)>;

// Build it first, then share it: dispatch is const and any thread may call it.
class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  // Pattern: segments that are literal, "{name}" (one segment, not empty) or, at the end,
  // "{name...}" (the rest, at least one segment, joined by '/'; no segment of it then holds a '/'
  // itself).
  // "/a/" and "/a" are different. Literals win over parameters, parameters over the rest. A bad or
  // doubled pattern is our own bug (CHECK).
  void add(std::string_view method, std::string_view pattern, RouteHandler handler);

  // Answers 400 (bad target), 404, 405 (with Allow), OPTIONS (204 with Allow) by itself. HEAD falls
  // back to GET: the server leaves the body out.
  void dispatch(Request request, Responder respond) const;

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

}  // namespace amic::net
