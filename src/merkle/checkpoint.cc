#include "base/limits.h"
#include "codec/codec.h"
#include "merkle/note.h"
#include "merkle/text.h"

namespace amic::merkle {

namespace {

constexpr std::string_view kProofMagic = "c2sp.org/tlog-proof@v1";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";
constexpr std::string_view kOld = "old ";
constexpr std::size_t kOriginBytesMax = 255;
constexpr std::size_t kInclusionHashesMax = 64;
constexpr std::size_t kConsistencyHashesMax = 63;  // C2SP tlog-witness
constexpr std::size_t kExtraBase64Max = 16 << 10;

// Hash lines up to and with the empty line that ends them.
Result<std::vector<Hash>> take_hashes(internal::Lines& lines, std::size_t count_max,
                                      std::string_view what) {
  std::vector<Hash> out;
  for (;;) {
    auto const line = lines.next();
    if (!line) return fail(Code::kMalformed, std::string(what), "no empty line after the hashes");
    if (line->empty()) return out;
    if (out.size() == count_max) return fail(Code::kTooLarge, lines.where(what), "too many hashes");
    auto const hash = internal::parse_hash(*line);
    if (!hash) return fail(Code::kMalformed, lines.where(what), "not the base64 of a hash");
    out.push_back(*hash);
  }
}

Result<std::uint64_t> take_number(std::string_view line, std::string_view label,
                                  std::string const& where) {
  if (!line.starts_with(label)) {
    return fail(Code::kMalformed, where, "expected \"" + std::string(label) + "\"");
  }
  auto const value = internal::parse_decimal(line.substr(label.size()));
  if (!value) return fail(Code::kMalformed, where, "not a decimal number");
  return *value;
}

std::string hash_lines(std::vector<Hash> const& hashes) {
  std::string out;
  for (Hash const& hash : hashes) out += codec::to_base64(hash.view()) + "\n";
  return out;
}

Result<std::string> take_note(internal::Lines const& lines) {
  AMIC_TRY_VOID(parse_note(lines.rest()));
  return std::string(lines.rest());
}

}  // namespace

std::string checkpoint_text(Checkpoint const& checkpoint) {
  return checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" +
         codec::to_base64(checkpoint.root.view()) + "\n";
}

Result<Checkpoint> parse_checkpoint_text(std::string_view text) {
  constexpr std::string_view kWhat = "checkpoint";
  internal::Lines lines(text);
  Checkpoint out;
  auto const origin = lines.next();
  if (!origin || origin->empty() || origin->size() > kOriginBytesMax || !codec::is_utf8(*origin)) {
    return fail(Code::kMalformed, lines.where(kWhat), "bad origin");
  }
  out.origin = *origin;
  auto const size_line = lines.next();
  auto const size = size_line ? internal::parse_decimal(*size_line) : std::nullopt;
  if (!size) return fail(Code::kMalformed, lines.where(kWhat), "bad tree size");
  out.size = *size;
  auto const root_line = lines.next();
  auto const root = root_line ? internal::parse_hash(*root_line) : std::nullopt;
  if (!root) return fail(Code::kMalformed, lines.where(kWhat), "bad root hash");
  out.root = *root;
  if (!lines.rest().empty()) {
    return fail(Code::kMalformed, std::string(kWhat), "extension lines are not accepted");
  }
  return out;
}

std::string format_proof(ProofFile const& proof) {
  std::string out(kProofMagic);
  out += "\n";
  if (proof.extra) out += std::string(kExtra) + codec::to_base64(*proof.extra) + "\n";
  out += std::string(kIndex) + std::to_string(proof.index) + "\n";
  out += hash_lines(proof.path) + "\n";
  return out + proof.checkpoint_note;
}

Result<ProofFile> parse_proof(std::string_view text) {
  constexpr std::string_view kWhat = "proof";
  internal::Lines lines(text);
  auto const magic = lines.next();
  if (!magic || *magic != kProofMagic) {
    return fail(Code::kMalformed, lines.where(kWhat), "not " + std::string(kProofMagic));
  }
  ProofFile out;
  auto line = lines.next();
  if (line && line->starts_with(kExtra)) {
    std::string_view const base64 = line->substr(kExtra.size());
    if (base64.size() > kExtraBase64Max) return fail(Code::kTooLarge, lines.where(kWhat), "extra");
    out.extra = internal::parse_base64(base64);
    if (!out.extra) return fail(Code::kMalformed, lines.where(kWhat), "bad base64");
    line = lines.next();
  }
  if (!line) return fail(Code::kMalformed, lines.where(kWhat), "no index line");
  AMIC_TRY(out.index, take_number(*line, kIndex, lines.where(kWhat)));
  AMIC_TRY(out.path, take_hashes(lines, kInclusionHashesMax, kWhat));
  AMIC_TRY(out.checkpoint_note, take_note(lines));
  return out;
}

std::string format_add_checkpoint(AddCheckpoint const& request) {
  return std::string(kOld) + std::to_string(request.old_size) + "\n" +
         hash_lines(request.consistency) + "\n" + request.checkpoint_note;
}

Result<AddCheckpoint> parse_add_checkpoint(std::string_view body) {
  constexpr std::string_view kWhat = "add-checkpoint";
  internal::Lines lines(body);
  auto const line = lines.next();
  if (!line) return fail(Code::kMalformed, std::string(kWhat), "no old size line");
  AddCheckpoint out;
  AMIC_TRY(out.old_size, take_number(*line, kOld, lines.where(kWhat)));
  AMIC_TRY(out.consistency, take_hashes(lines, kConsistencyHashesMax, kWhat));
  AMIC_TRY(out.checkpoint_note, take_note(lines));
  return out;
}

}  // namespace amic::merkle
