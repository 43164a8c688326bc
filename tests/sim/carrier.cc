#include "carrier.h"

#include <deque>

#include "exchange/bundle_export.h"
#include "exchange/testing.h"
#include "sim_node.h"
#include "witness.h"

namespace amic::sim {

namespace {

struct Import {
  MemberId from;
  std::deque<exchange::Section> sections;
};

// Whole and by the member that it says, or an error. `trusts`: a planted bug.
Result<Import> read_file(SimNode& node, Bytes const& file, bool trusts) {
  exchange::MemorySource source(file);
  AMIC_TRY(auto reader, exchange::CarrierReader::open(source));
  Import out;
  out.from = reader.header().from;
  for (;;) {
    auto section = reader.next();
    if (!section && trusts) return out;
    if (!section) return fail(section.error());
    if (!*section) break;
    out.sections.push_back(std::move(**section));
  }
  AMIC_TRY_VOID(exchange::verify_carrier(reader.header(), reader.manifest(),
                                         node.exchange().community(), Realm(), node.id()));
  return out;
}

void take_next(World& world, SimNode& node, std::shared_ptr<Import> import) {
  if (import->sections.empty()) return;
  auto const section = std::move(import->sections.front());
  import->sections.pop_front();
  if (section.type == exchange::SectionType::kReceipt) {
    auto const moved = node.exchange().late_receipt(import->from, section.body);
    if (!moved) world.tell(node.id(), "does not take a receipt: " + moved.error().text());
    return take_next(world, node, std::move(import));
  }
  node.exchange().accept(
      import->from, section.body,
      node.guard1<Result<Bytes>>([&world, &node, import](Result<Bytes> receipt) {
        if (receipt) world.witness->receipt_given(node, import->from, *receipt);
        auto const code = receipt ? std::nullopt : std::optional(receipt.error().code);
        if (code) world.tell(node.id(), "does not take a batch: " + receipt.error().text());
        // This node's own trouble: somebody will try again another day.
        if (code && code_retryable(*code) && code != Code::kGap) return;
        take_next(world, node, import);
      }));
}

void take_in(World& world, SimNode& node, Bytes const& file, bool damaged) {
  if (!node.up()) return;
  auto import = read_file(node, file, world.mutant == Mutant::kTrustFile);
  world.tell(node.id(), import ? "takes in a file of " + import->from.str()
                               : "cannot take in a file: " + import.error().text());
  if (damaged && import) throw Violation("law 3: a damaged file is taken for good");
  if (!damaged && !import)
    throw Violation("carrier: a good file is refused: " + import.error().text());
  if (!import) return;
  ++world.carried;
  take_next(world, node, std::make_shared<Import>(std::move(*import)));
}

Result<std::vector<Bytes>> write_files(World& world, SimNode& from, MemberId const& to) {
  exchange::ExportRequest request{to, 0, world.weather.rough && world.dice.permille(300)};
  AMIC_TRY(auto made, exchange::CarrierExport::begin(from.carrier_parts(), request));
  std::shared_ptr<exchange::CarrierExport> const work = std::move(made);
  std::vector<Bytes> files;
  if (work->empty()) return files;
  for (;;) {
    AMIC_TRY(auto const piece, work->next());
    if (!piece) break;
    files.resize(piece->part);
    append(files.back(), piece->bytes);
  }
  // It lives until its mark is stored.
  work->mark_exported(from.guard1<Result<void>>([work](Result<void>) {}));
  return files;
}

}  // namespace

void carry_file(World& world, SimNode& from, MemberId const& to) {
  if (!from.up() || from.id() == to) return;
  auto files = write_files(world, from, to);
  if (!files) {
    Code const code = files.error().code;
    if (code == Code::kConflict || from.excused(files.error())) return;
    throw Violation("carrier: " + from.id().str() + " writes no file: " + files.error().text());
  }
  if (files->empty()) return;
  world.tell(from.id(), "writes " + std::to_string(files->size()) + " files for " + to.str());
  bool const rough = world.weather.rough;
  for (Bytes& file : *files) {
    if (rough && world.dice.permille(150)) continue;
    bool const damaged = rough && world.dice.permille(150);
    if (damaged) file[world.dice.index(file.size())] ^= 0x04;
    int const times = rough && world.dice.permille(200) ? 2 : 1;
    for (int i = 0; i < times; ++i)
      world.schedule.after(world.dice.between(kMs, 300 * kMs), [&world, to, file, damaged] {
        take_in(world, world.node(to), file, damaged);
      });
  }
}

}  // namespace amic::sim
