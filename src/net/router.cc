#include "net/router.h"

#include <algorithm>
#include <map>
#include <span>

#include "base/check.h"
#include "net/problem.h"

namespace amic::net {
namespace {

struct Route {
  RouteHandler handler;
  std::vector<std::string> names;  // of the parameters, in order
};
using Methods = std::map<std::string, Route, std::less<>>;

std::string allow(Methods const& methods) {
  std::string out = "OPTIONS";
  if (methods.contains("GET") && !methods.contains("HEAD")) out += ", HEAD";
  for (auto const& [name, route] : methods) out += ", " + name;
  return out;
}

Route const* find_method(Methods const& methods, std::string_view method) {
  auto found = methods.find(method);
  if (found == methods.end() && method == "HEAD") found = methods.find("GET");
  return found == methods.end() ? nullptr : &found->second;
}

}  // namespace

struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::unique_ptr<Node> parameter;
  Methods here;
  Methods rest;

  // Depth is bounded by kTargetSegmentsMax, tries by the pattern tree: at most two branches a
  // level, and only where patterns overlap.
  Methods const* find(std::span<std::string const> segments,
                      std::vector<std::string>& values) const {
    if (segments.empty()) return here.empty() ? nullptr : &here;
    auto const& front = segments.front();
    if (auto const next = literals.find(front); next != literals.end())
      if (auto const* const found = next->second->find(segments.subspan(1), values)) return found;
    if (parameter && !front.empty()) {
      values.push_back(front);
      if (auto const* const found = parameter->find(segments.subspan(1), values)) return found;
      values.pop_back();
    }
    if (rest.empty()) return nullptr;
    std::string joined;
    for (auto const& segment : segments) {
      if (segment.find('/') != std::string::npos) return nullptr;
      if (!joined.empty()) joined += '/';
      joined += segment;
    }
    values.push_back(std::move(joined));
    return &rest;
  }
};

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

std::string_view Match::param(std::string_view name) const {
  for (auto const& [key, value] : params)
    if (key == name) return value;
  return {};
}

void Router::add(std::string_view method, std::string_view pattern, RouteHandler handler) {
  CHECK(pattern.starts_with('/'));
  pattern.remove_prefix(1);
  Route route{std::move(handler), {}};
  auto* node = root_.get();
  Methods* methods = &node->here;
  for (bool more = !pattern.empty(); more;) {
    CHECK(methods == &node->here);  // nothing follows "{name...}"
    auto const slash = pattern.find('/');
    auto const segment = pattern.substr(0, slash);
    more = slash != std::string_view::npos;
    pattern.remove_prefix(more ? slash + 1 : pattern.size());
    if (segment.starts_with('{')) {
      CHECK(segment.ends_with('}') && segment.size() > 2);
      auto name = segment.substr(1, segment.size() - 2);
      bool const rest = name.ends_with("...");
      if (rest) name.remove_suffix(3);
      route.names.emplace_back(name);
      if (rest) {
        methods = &node->rest;
        continue;
      }
      if (!node->parameter) node->parameter = std::make_unique<Node>();
      node = node->parameter.get();
    } else {
      auto& slot = node->literals[std::string(segment)];
      if (!slot) slot = std::make_unique<Node>();
      node = slot.get();
    }
    methods = &node->here;
  }
  bool const added = methods->emplace(std::string(method), std::move(route)).second;
  CHECK(added);
}

void Router::dispatch(Request request, Responder respond) const {
  auto target = parse_target(request.target);
  if (!target) return respond(problem(target.error()));
  std::vector<std::string> values;
  auto const* const methods = root_->find(target->segments, values);
  if (methods == nullptr) return respond(problem(Code::kNotFound));
  auto const* const route = find_method(*methods, request.method);
  if (route == nullptr) {
    Response answer;
    if (request.method == "OPTIONS") {
      answer.status = 204;
    } else {
      answer = problem(Code::kMethodNotAllowed);
    }
    answer.headers.emplace_back("allow", allow(*methods));
    return respond(std::move(answer));
  }
  Match match{std::move(*target), {}};
  CHECK(values.size() == route->names.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    match.params.emplace_back(route->names[i], std::move(values[i]));
  route->handler(std::move(request), std::move(match), std::move(respond));
}

}  // namespace amic::net
