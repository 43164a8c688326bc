// Objects, versions and manifest. A page is joined from stored bodies: nothing is parsed.
#include <algorithm>

#include "api/taxii.h"
#include "base/limits.h"
#include "codec/codec.h"
#include "stix/stix.h"

namespace amic::api {

namespace {
struct Wanted {
  TaxiiCollection collection;
  store::PageFilter filter;  // versions_us and select are set for each part
  // match[version] is a union.
  bool all = false;
  bool last = false;
  bool first = false;
  std::vector<std::int64_t> versions_us;
};

Result<void> read_versions(std::string_view text, Wanted& out) {
  for (auto const& value : split(text)) {
    if (value == "all") {
      out.all = true;
    } else if (value == "last") {
      out.last = true;
    } else if (value == "first") {
      out.first = true;
    } else {
      AMIC_TRY(auto const us, at("query.match[version]", codec::parse_rfc3339_us(value)));
      out.versions_us.push_back(us);
    }
  }
  return {};
}

// "match": each field at most once. One that isn't known here is refused: an answer that
// ignores a filter would be a wrong answer.
Result<void> read_matches(Call const& call, std::span<std::string_view const> known, Wanted& out) {
  std::set<std::string_view> seen;
  for (auto const& [name, value] : call.query) {
    bool const match = name.starts_with("match[");
    if (!match && name != "limit" && name != "next" && name != "added_after") continue;
    if (!seen.insert(name).second)
      return fail(Code::kMalformed, "query." + name, "given more than once");
    if (!match) continue;
    if (std::find(known.begin(), known.end(), name) == known.end())
      return fail(Code::kUnsupported, "query." + name, "not a filter of this endpoint");
    if (value.empty()) return fail(Code::kMalformed, "query." + name, "a value is wanted");
    if (name == "match[id]") out.filter.ids = split(value);
    if (name == "match[type]") out.filter.types = split(value);
    if (name == "match[spec_version]") out.filter.spec_versions = split(value);
    if (name == "match[version]") AMIC_TRY_VOID(read_versions(value, out));
  }
  return {};
}

Result<Wanted> read_wanted(Services const& services, Call const& call,
                           std::span<std::string_view const> known) {
  Wanted out;
  AMIC_TRY(out.collection, find_taxii_collection(services, call));
  if (!out.collection.readable())
    return fail(Code::kForbidden, "path.id", "this collection is for adding only");
  AMIC_TRY_VOID(read_matches(call, known, out));
  auto& filter = out.filter;
  filter.one_per_version = true;  // TAXII knows no originators
  AMIC_TRY(filter.limit, query_limit(call, services.options.page_default, limits::kPageMax));
  AMIC_TRY(filter.after_ord, query_cursor(services, call, "next", "taxii/" + out.collection.id));
  if (auto const after = call.query_value("added_after")) {
    AMIC_TRY(filter.added_after_us, at("query.added_after", codec::parse_rfc3339_us(*after)));
  }
  if (out.collection.kind == TaxiiCollection::Kind::kMember) filter.creator = out.collection.member;
  if (!out.all && !out.first && out.versions_us.empty()) out.last = true;
  return out;
}

// The first rows of a union lie within the first rows of its parts.
void merge(store::Page& page, store::Page more, std::size_t limit) {
  page.more = page.more || more.more;
  std::move(more.rows.begin(), more.rows.end(), std::back_inserter(page.rows));
  std::sort(page.rows.begin(), page.rows.end(),
            [](auto const& a, auto const& b) { return a.ord < b.ord; });
  auto const same = [](auto const& a, auto const& b) { return a.ord == b.ord; };
  page.rows.erase(std::unique(page.rows.begin(), page.rows.end(), same), page.rows.end());
  if (page.rows.size() <= limit) return;
  page.rows.resize(limit);
  page.more = true;
}

Result<store::Page> read_page(Services& services, Wanted wanted, Reach const& reach) {
  using store::VersionSelect;
  auto& filter = wanted.filter;
  store::Page out;
  auto const add = [&]() -> Result<void> {
    AMIC_TRY(auto part, page_within_reach(services.deps.store, filter, reach));
    if (out.rows.empty() && !out.more)
      out = std::move(part);
    else
      merge(out, std::move(part), filter.limit);
    return {};
  };
  for (auto const& [wants, select] :
       {std::pair{wanted.all, VersionSelect::kAll},
        std::pair{wanted.last && !wanted.all, VersionSelect::kLast},
        std::pair{wanted.first && !wanted.all, VersionSelect::kFirst}}) {
    if (!wants) continue;
    filter.select = select;
    AMIC_TRY_VOID(add());
  }
  if (!wanted.versions_us.empty() && !wanted.all) {
    filter.versions_us = wanted.versions_us;
    AMIC_TRY_VOID(add());
  }
  return out;
}

// `{"more":...,"next":...,"<name>":[` ... `]}`. TAXII has no empty lists: the member is left out.
template <class Append>
net::Response page_response(Services const& services, Wanted const& wanted, store::Page const& page,
                            std::string_view name, std::size_t bytes_expected, Append append) {
  std::string body;
  body.reserve(bytes_expected + 128);
  body += page.more ? "{\"more\":true" : "{\"more\":false";
  if (page.more) {
    body += ",\"next\":\"";
    body += services.cursors.seal("taxii/" + wanted.collection.id, page.rows.back().ord);
    body += '"';
  }
  if (!page.rows.empty()) {
    body.append(",\"").append(name).append("\":[");
    for (std::size_t i = 0; i < page.rows.size(); ++i) {
      if (i > 0) body += ',';
      append(body, page.rows[i]);
    }
    body += ']';
  }
  body += '}';
  auto out = taxii_response(200, std::move(body));
  if (page.rows.empty()) return out;
  out.headers.emplace_back("x-taxii-date-added-first",
                           codec::to_rfc3339_us(page.rows.front().added_us));
  out.headers.emplace_back("x-taxii-date-added-last",
                           codec::to_rfc3339_us(page.rows.back().added_us));
  return out;
}

net::Response envelope(Services const& services, Wanted const& wanted, store::Page const& page) {
  std::size_t bytes = 0;
  for (auto const& row : page.rows) bytes += row.body.size() + 1;
  return page_response(services, wanted, page, "objects", bytes,
                       [](std::string& out, auto const& row) { out += row.body; });
}

// kNotFound if the collection has nothing of this id for this reader, filters aside.
Result<void> check_held(Services& services, Wanted const& wanted, Reach const& reach) {
  store::PageFilter any;
  any.ids = wanted.filter.ids;
  any.creator = wanted.filter.creator;
  any.select = store::VersionSelect::kAll;
  any.limit = 1;
  AMIC_TRY(auto const page, services.deps.store.page(any, reach.audiences));
  if (page.rows.empty()) return fail(Code::kNotFound, "path.object", "no such object");
  return {};
}

constexpr std::string_view kCollectionFilters[] = {"match[id]", "match[type]", "match[version]",
                                                   "match[spec_version]"};
constexpr std::string_view kObjectFilters[] = {"match[version]", "match[spec_version]"};
constexpr std::string_view kVersionsFilters[] = {"match[spec_version]"};
}  // namespace

Result<net::Response> taxii_objects(Services& services, Call const& call) {
  AMIC_TRY(auto const wanted, read_wanted(services, call, kCollectionFilters));
  AMIC_TRY(auto const page, read_page(services, wanted, *call.reach));
  return envelope(services, wanted, page);
}

Result<net::Response> taxii_object(Services& services, Call const& call) {
  AMIC_TRY(auto wanted, read_wanted(services, call, kObjectFilters));
  wanted.filter.ids = {call.path.at("object")};
  AMIC_TRY(auto const page, read_page(services, wanted, *call.reach));
  if (page.rows.empty()) AMIC_TRY_VOID(check_held(services, wanted, *call.reach));
  return envelope(services, wanted, page);
}

Result<net::Response> taxii_versions(Services& services, Call const& call) {
  AMIC_TRY(auto wanted, read_wanted(services, call, kVersionsFilters));
  wanted.filter.ids = {call.path.at("object")};
  wanted.all = true;
  AMIC_TRY(auto const page, read_page(services, wanted, *call.reach));
  if (page.rows.empty()) AMIC_TRY_VOID(check_held(services, wanted, *call.reach));
  return page_response(
      services, wanted, page, "versions", page.rows.size() * 32,
      [](std::string& out, auto const& row) {
        out.append("\"").append(stix::format_timestamp(row.version_us)).append("\"");
      });
}

Result<net::Response> taxii_manifest(Services& services, Call const& call) {
  AMIC_TRY(auto const wanted, read_wanted(services, call, kCollectionFilters));
  AMIC_TRY(auto const page, read_page(services, wanted, *call.reach));
  return page_response(
      services, wanted, page, "objects", page.rows.size() * 200,
      [](std::string& out, auto const& row) {
        // An identifier of an accepted object needs no escapes.
        out.append("{\"id\":\"").append(row.id);
        out.append("\",\"date_added\":\"").append(codec::to_rfc3339_us(row.added_us));
        out.append("\",\"version\":\"").append(stix::format_timestamp(row.version_us));
        out.append("\",\"media_type\":\"").append(kStixMediaType).append("\"}");
      });
}

}  // namespace amic::api
