// Pages of the feed. One range scan over obj where nothing narrows it; else postings by type or
// creator, or the versions of the ids asked for. Whoever may not read a row pays for it next to
// nothing: after a run of hidden rows the scan jumps to the next readable one by obj_by_aud.
#include <algorithm>
#include <map>

#include "base/limits.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/index_file.h"

namespace amic::store::sqlite {
namespace {

constexpr std::size_t kHiddenRunMin = 64;
constexpr std::size_t kPostingChunk = 128;

struct Candidate {
  std::uint64_t ord = 0;
  std::uint64_t audience = 0;
};

// Rising ords of candidate rows.
class Source {
 public:
  virtual ~Source() = default;
  virtual void seek(std::uint64_t after_ord) = 0;
  virtual Result<std::optional<Candidate>> next() = 0;
  virtual Result<Query const*> row(std::uint64_t ord) = 0;  // of the last candidate
};

class FeedSource final : public Source {
 public:
  explicit FeedSource(Connection& connection)
      : query_(connection, "SELECT " AMIC_OBJ_COLUMNS " FROM obj WHERE ord > ? ORDER BY ord") {}
  void seek(std::uint64_t after_ord) override {
    query_.reset();
    query_.bind(after_ord);
  }
  Result<std::optional<Candidate>> next() override {
    AMIC_TRY(bool const row, query_.step());
    if (!row) return std::optional<Candidate>();
    return std::optional(Candidate{query_.number(kOrd), query_.number(kAud)});
  }
  Result<Query const*> row(std::uint64_t) override { return &query_; }

 private:
  Query query_;
};

// Sources that know ords only and fetch the row afterwards.
class FetchingSource : public Source {
 public:
  explicit FetchingSource(Connection& connection)
      : db_(connection), row_(connection, "SELECT " AMIC_OBJ_COLUMNS " FROM obj WHERE ord = ?") {}
  Result<Query const*> row(std::uint64_t ord) override {
    row_.reset();
    row_.bind(ord);
    AMIC_TRY(bool const found, row_.step());
    if (!found) return fail(Code::kCorrupt, "idx.db", "a posting without its object");
    return &row_;
  }

 protected:
  Connection& db_;

 private:
  Query row_;
};

// Merges the postings of several keys (types), or of one (a creator).
class PostingSource final : public FetchingSource {
 public:
  PostingSource(Connection& connection, char const* sql, std::vector<std::string> const& keys)
      : FetchingSource(connection), sql_(sql) {
    for (std::string const& key : keys) runs_.push_back({key, {}, 0, 0, false});
  }
  void seek(std::uint64_t after_ord) override {
    for (Run& run : runs_) run = {run.key, {}, 0, after_ord, false};
  }
  Result<std::optional<Candidate>> next() override {
    Run* least = nullptr;
    for (Run& run : runs_) {
      if (run.at == run.rows.size()) AMIC_TRY_VOID(refill(run));
      if (run.at == run.rows.size()) continue;
      if (least == nullptr || run.rows[run.at].ord < least->rows[least->at].ord) least = &run;
    }
    if (least == nullptr) return std::optional<Candidate>();
    return std::optional(least->rows[least->at++]);
  }

 private:
  struct Run {
    std::string key;
    std::vector<Candidate> rows;
    std::size_t at = 0;
    std::uint64_t after = 0;
    bool done = false;
  };
  Result<void> refill(Run& run) {
    run.rows.clear();
    run.at = 0;
    if (run.done) return {};
    Query query(db_, sql_);
    query.bind(std::string_view(run.key)).bind(run.after).bind(kPostingChunk);
    for (;;) {
      AMIC_TRY(bool const row, query.step());
      if (!row) break;
      run.rows.push_back({query.number(0), query.number(1)});
    }
    run.done = run.rows.size() < kPostingChunk;
    if (!run.rows.empty()) run.after = run.rows.back().ord;
    return {};
  }

  char const* sql_;
  std::vector<Run> runs_;
};

// All rows of the ids asked for.
class IdSource final : public FetchingSource {
 public:
  using FetchingSource::FetchingSource;
  Result<void> load(std::vector<std::string> const& ids) {
    for (std::string const& id : ids) {
      std::string const encoded = encode_id(id);
      Query query(db_, "SELECT ord, aud FROM obj_by_id WHERE id = ?");
      query.bind(as_bytes(encoded));
      for (;;) {
        AMIC_TRY(bool const row, query.step());
        if (!row) break;
        rows_.push_back({query.number(0), query.number(1)});
      }
    }
    auto const by_ord = [](Candidate const& a, Candidate const& b) { return a.ord < b.ord; };
    std::sort(rows_.begin(), rows_.end(), by_ord);
    return {};
  }
  void seek(std::uint64_t after_ord) override {
    auto const past = [after_ord](Candidate const& row) { return row.ord <= after_ord; };
    at_ = static_cast<std::size_t>(std::partition_point(rows_.begin(), rows_.end(), past) -
                                   rows_.begin());
  }
  Result<std::optional<Candidate>> next() override {
    if (at_ == rows_.size()) return std::optional<Candidate>();
    return std::optional(rows_[at_++]);
  }

 private:
  std::vector<Candidate> rows_;
  std::size_t at_ = 0;
};

std::vector<std::string> unique_of(std::vector<std::string> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

class Pager {
 public:
  Pager(Connection& connection, Bodies& bodies, Keys keys, PageFilter const& filter,
        AudienceSet const& readable)
      : db_(connection),
        bodies_(bodies),
        keys_(std::move(keys)),
        filter_(filter),
        readable_(readable) {}
  Result<Page> run();

 private:
  Result<std::unique_ptr<Source>> source();
  Result<std::uint64_t> start();
  Result<std::uint64_t> next_readable(std::uint64_t after_ord);  // 0: none
  Result<bool> wanted(Query const& row);
  Result<bool> is_pick(Query const& row);
  Result<Shown> shown_of(std::string const& id, std::string const& creator, std::int64_t version);

  Connection& db_;
  Bodies& bodies_;
  Keys keys_;
  PageFilter const& filter_;
  AudienceSet const& readable_;
  std::map<std::pair<std::string, std::string>, Shown> picks_;  // of (id, creator)
};

Result<std::unique_ptr<Source>> Pager::source() {
  if (!filter_.ids.empty()) {
    auto ids = std::make_unique<IdSource>(db_);
    AMIC_TRY_VOID(ids->load(unique_of(filter_.ids)));
    return std::unique_ptr<Source>(std::move(ids));
  }
  if (!filter_.types.empty())
    return std::unique_ptr<Source>(std::make_unique<PostingSource>(
        db_, "SELECT ord, aud FROM obj_by_type WHERE type = ? AND ord > ? ORDER BY ord LIMIT ?",
        unique_of(filter_.types)));
  if (filter_.creator)
    return std::unique_ptr<Source>(std::make_unique<PostingSource>(
        db_,
        "SELECT ord, aud FROM obj_by_creator WHERE creator = ? AND ord > ? ORDER BY ord LIMIT ?",
        std::vector<std::string>{filter_.creator->str()}));
  return std::unique_ptr<Source>(std::make_unique<FeedSource>(db_));
}

// added_us rises with ord, so the place of a time is found by halving.
Result<std::uint64_t> Pager::start() {
  if (filter_.added_after_us == INT64_MIN) return filter_.after_ord;
  AMIC_TRY(auto const last, db_.integer("SELECT coalesce(max(ord), 0) FROM obj"));
  std::uint64_t low = filter_.after_ord;  // everything up to here is out
  auto high = static_cast<std::uint64_t>(last);
  while (low < high) {
    std::uint64_t const middle = low + (high - low + 1) / 2;
    Query probe(db_, "SELECT ord, added FROM obj WHERE ord >= ? ORDER BY ord LIMIT 1");
    probe.bind(middle);
    AMIC_TRY(bool const row, probe.step());
    if (row && probe.integer(1) <= filter_.added_after_us)
      low = probe.number(0);
    else
      high = middle - 1;
  }
  return low;
}

Result<std::uint64_t> Pager::next_readable(std::uint64_t after_ord) {
  std::uint64_t least = 0;
  for (AudienceId const audience : readable_) {
    Query query(db_, "SELECT ord FROM obj_by_aud WHERE aud = ? AND ord > ? ORDER BY ord LIMIT 1");
    query.bind(audience).bind(after_ord);
    AMIC_TRY(bool const row, query.step());
    if (row && (least == 0 || query.number(0) < least)) least = query.number(0);
  }
  return least;
}

Result<bool> Pager::wanted(Query const& row) {
  if (filter_.creator && row.text(kCreator) != filter_.creator->str()) return false;
  if (!filter_.types.empty() && !filter_.ids.empty()) {
    std::string_view type = row.text(kType);
    if (type.empty()) type = encoded_type(as_text(row.blob(kId)));
    if (std::find(filter_.types.begin(), filter_.types.end(), type) == filter_.types.end())
      return false;
  }
  auto const& versions = filter_.versions_us;
  if (!versions.empty() &&
      std::find(versions.begin(), versions.end(), row.integer(kVer)) == versions.end())
    return false;
  return row.integer(kMulti) == 0 ? Result<bool>(true) : is_pick(row);
}

// Only among rows this reader may read: a hidden newer version changes nothing.
Result<bool> Pager::is_pick(Query const& row) {
  std::string const id(as_text(row.blob(kId)));
  std::string const creator(row.text(kCreator));
  AMIC_TRY(Shown const shown, shown_of(id, creator, row.integer(kVer)));
  if (shown.ord != row.number(kOrd)) return false;
  if (!filter_.one_per_version || filter_.creator) return true;
  AMIC_TRY(auto const members, creators_of(db_, id));
  for (std::string const& member : members) {
    if (member >= creator) break;
    AMIC_TRY(Shown const other, shown_of(id, member, row.integer(kVer)));
    if (other.ord != 0 && other.version == shown.version) return false;
  }
  return true;
}

// Of `creator`, by the filter: the row of this version, or of the last or first one.
Result<Shown> Pager::shown_of(std::string const& id, std::string const& creator,
                              std::int64_t version) {
  Asked const asked{id, creator, readable_};
  if (!filter_.versions_us.empty() || filter_.select == VersionSelect::kAll)
    return pick_copy(db_, asked, version);
  std::pair key{id, creator};
  if (auto const known = picks_.find(key); known != picks_.end()) return known->second;
  Pick const pick = filter_.select == VersionSelect::kLast ? Pick::kLast : Pick::kFirst;
  AMIC_TRY(Shown const shown, pick_version(db_, asked, pick));
  picks_.emplace(std::move(key), shown);
  return shown;
}

Result<Page> Pager::run() {
  Page page;
  if (readable_.empty()) return page;
  AMIC_TRY(auto const from, source());
  AMIC_TRY(std::uint64_t const after, start());
  from->seek(after);
  page.rows.reserve(filter_.limit);
  std::size_t const run_max = std::max(kHiddenRunMin, readable_.size());
  std::size_t hidden = 0;
  for (;;) {
    AMIC_TRY(auto const candidate, from->next());
    if (!candidate) break;
    if (!may_read(readable_, candidate->audience)) {
      if (++hidden < run_max) continue;
      hidden = 0;
      AMIC_TRY(std::uint64_t const next, next_readable(candidate->ord));
      if (next == 0) break;
      from->seek(next - 1);
      continue;
    }
    hidden = 0;
    AMIC_TRY(Query const* const row, from->row(candidate->ord));
    AMIC_TRY(bool const take, wanted(*row));
    if (!take) continue;
    if (page.rows.size() == filter_.limit) {
      page.more = true;
      break;
    }
    AMIC_TRY(auto object, object_of(db_, bodies_, keys_, *row));
    page.rows.push_back(std::move(object));
  }
  return page;
}

}  // namespace

Result<Page> IndexFile::page(PageFilter const& filter, AudienceSet const& readable) {
  if (filter.limit == 0 || filter.limit > limits::kPageMax)
    return fail(Code::kOutOfRange, "page.limit");
  for (std::size_t const count : {filter.types.size(), filter.ids.size(), filter.versions_us.size(),
                                  filter.spec_versions.size()})
    if (count > limits::kPageMax) return fail(Code::kOutOfRange, "page.filter", "too many values");
  auto const& specs = filter.spec_versions;
  if (!specs.empty() && std::find(specs.begin(), specs.end(), "2.1") == specs.end()) return Page{};
  AMIC_TRY(auto const lease, reader());
  return Pager(*lease, bodies_, keys(), filter, readable).run();
}

}  // namespace amic::store::sqlite
