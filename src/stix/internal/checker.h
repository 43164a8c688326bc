// Walks one object along its table. Allocates only for what it reports or extracts.
#pragma once

#include "stix/internal/schema.h"

namespace amic::stix::internal {

// Where the walk is; a JSON pointer is written only when something is wrong there.
struct Place {
  Place const* parent = nullptr;
  std::string_view name;  // of a member, or
  std::size_t index = kMember;
  static constexpr std::size_t kMember = static_cast<std::size_t>(-1);
};
std::string pointer_of(Place const* place);

class Checker {
 public:
  Checker(json::object const& root, Type const& type, Checked& out)
      : root_(root), type_(type), out_(out) {}

  void run() { check_object(root_, type_.shape, nullptr); }

  // fatal: the object is rejected, else quarantined. `section` and `text` make the reason.
  void issue(Place const* place, bool fatal, Code code, std::string_view section,
             std::string_view text);

 private:
  void check_object(json::object const& o, Shape const& shape, Place const* at);
  void check_property(json::value const& v, Property const& p, Place const& at);
  void check_value(json::value const& v, Property const& p, Place const& at);
  void check_text(std::string_view v, Property const& p, Place const& at);
  void check_reference(std::string_view v, Property const& p, Place const& at);
  void check_number(json::value const& v, Property const& p, Place const& at);
  void check_map(json::value const& v, Property const& p, Place const& at);
  void check_map_member(std::string_view key, json::value const& v, Property const& p,
                        Place const& at);
  void check_extension(std::string_view key, json::value const& v, Place const& at);
  void check_unknown(std::string_view name, json::value const& v, Place const& at);
  void check_rules(json::object const& o, Shape const& shape, bool own, Place const* at);
  bool selects(std::string_view selector) const;
  void refer(std::string_view to, std::string_view relation);

  json::object const& root_;
  Type const& type_;
  Checked& out_;
};

}  // namespace amic::stix::internal
