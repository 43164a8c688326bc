// Test support: nodes with their operations, delivered by hand, and small bundles of notes.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "exchange/operations.h"
#include "exchange/testing.h"
#include "holdings/holdings.h"

namespace amic::exchange::testing {

inline store::AudienceSet everything(store::Store& store) {
  marking::Reader reader;
  reader.clearance = marking::Classification::kTopSecret;
  return must(holdings::readable_by(store, reader, 0));
}

struct World {
  TestCommunity community;
  std::map<std::string, ComplyMode> modes;
  std::map<std::string, std::unique_ptr<Operations>> operations;

  explicit World(std::vector<std::string> ids, std::uint64_t seed = 1) : community(ids, seed) {
    for (auto const& id : ids) make(id);
  }
  void make(std::string const& id) {
    operations[id] = std::make_unique<Operations>(node(id).exchange(), node(id).store(),
                                                  community.clock, modes[id]);
  }
  TestNode& node(std::string const& id) { return community.node(id); }
  Operations& of(std::string const& id) { return *operations.at(id); }
  void restart(std::string const& id) {
    operations[id].reset();
    node(id).restart();
    for (auto const& other : community.nodes)
      if (other->id().str() != id) other->meet(node(id));
    make(id);
  }
  std::filesystem::path back_up(std::string const& id) {
    auto const path = community.directory.path() / ("backup-" + id);
    node(id).back_up(path);
    return path;
  }
  void restore(std::string const& id, std::filesystem::path const& from) {
    operations[id].reset();
    node(id).restore(from);
    for (auto const& other : community.nodes)
      if (other->id().str() != id) other->meet(node(id));
    make(id);
  }
  // The index catches up and the duties are done, as the node's index thread does it.
  void work(std::string const& id) {
    node(id).index_all();
    while (must(of(id).work()) > 0) node(id).index_all();
  }
  void settle() {
    for (bool quiet = false; !quiet;) {
      quiet = true;
      for (auto& from : community.nodes)
        for (auto& to : community.nodes)
          if (from != to && from->deliver(*to) > 0) quiet = false;
      for (auto& [id, unused] : operations) work(id);
    }
  }
  Result<OperateResult> operate(std::string const& id, OperateRequest request) {
    Result<OperateResult> out = fail(Code::kInternal, "test");
    of(id).operate(std::move(request), [&](auto result) { out = std::move(result); });
    return out;
  }
  OperateResult recall(std::string const& id, EnvelopeId const& item,
                       Precedence precedence = Precedence::kFlash) {
    return must(
        operate(id, {item, OperationKind::kRecall, "was wrong", precedence, {}, {}, {}, {}}));
  }
  store::ItemRow item(std::string const& id, EnvelopeId const& item) {
    auto row = must(node(id).store().item(item, everything(node(id).store())));
    return row ? *row : store::ItemRow{};
  }
  std::size_t in_view(std::string const& id) {
    auto& store = node(id).store();
    store::PageFilter filter;
    filter.select = store::VersionSelect::kAll;
    filter.limit = 1000;
    return must(store.page(filter, everything(store))).rows.size();
  }
  holdings::VisibleSet visible(std::string const& id, std::vector<std::string> const& members) {
    std::set<MemberId> all;
    for (auto const& member : members) all.insert(must(MemberId::parse(member)));
    auto& store = node(id).store();
    return must(holdings::visible_set(store, all, everything(store)));
  }
  // The index is what the log gives, with all that was erased from it.
  void expect_rebuilt_the_same(std::string const& id) {
    Hash const before = must(node(id).store().index_digest());
    must(node(id).store().check());
    must(node(id).store().reset_index());
    restart(id);
    node(id).index_all();
    EXPECT_EQ(must(node(id).store().index_digest()), before) << id;
    must(node(id).store().check());
  }
};

inline MemberId member(std::string const& id) {
  return must(MemberId::parse(id));
}

inline std::string note(unsigned n, std::string const& modified, std::string const& text,
                        std::string const& more = "") {
  char uuid[40];
  std::snprintf(uuid, sizeof uuid, "00000000-0000-4000-8000-%012u", n);
  return R"({"type":"note","spec_version":"2.1","id":"note--)" + std::string(uuid) +
         R"(","created":"2026-01-01T00:00:00.000Z","modified":")" + modified + R"(","content":")" +
         text + R"(","object_refs":["note--00000000-0000-4000-8000-000000000999"])" + more + "}";
}
inline std::string bundle(std::vector<std::string> const& objects) {
  std::string out =
      R"({"type":"bundle","id":"bundle--00000000-0000-4000-8000-000000000001","objects":[)";
  for (std::size_t i = 0; i < objects.size(); ++i) out += (i ? "," : "") + objects[i];
  return out + "]}";
}
inline constexpr char kOne[] = "2026-01-01T00:00:00.000Z";
inline constexpr char kTwo[] = "2026-01-02T00:00:00.000Z";

}  // namespace amic::exchange::testing
