// All C2SP texts from outside: the first byte chooses the decoder. What parses must format back to
// the same bytes, since each value has one spelling.
#include "base/check.h"
#include "merkle/merkle.h"
#include "merkle/note.h"

using namespace amic;

namespace {

void verify_with_any_key(merkle::Note const& note) {
  std::vector<merkle::NoteVerifier> known;
  for (auto const type : {merkle::NoteKeyType::kEd25519, merkle::NoteKeyType::kCosignatureV1}) {
    known.push_back({note.signatures.front().name, type, crypto::VerifyKey{}});
  }
  CHECK(!merkle::verify_note(note, known));  // the all-zero key is of small order
}

void try_signatures(std::string_view text) {
  auto const signatures = merkle::parse_signatures(text);
  if (!signatures) return;
  std::string again;
  for (auto const& one : *signatures) again += merkle::format_signature(one);
  CHECK(again == text);
}

void try_tile_path(std::string_view text) {
  auto const name = merkle::parse_tile_path(text);
  if (!name) return;
  CHECK(text == (name->entries ? merkle::entries_path(name->index, name->width)
                               : merkle::tile_path(name->level, name->index, name->width)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view const text = as_text(BytesView(data + 1, size - 1));
  switch (data[0] % 6) {
    case 0:
      try_signatures(text);
      if (auto const note = merkle::parse_note(text)) {
        CHECK(merkle::format_note(*note) == text);
        verify_with_any_key(*note);
      }
      break;
    case 1:
      if (auto const checkpoint = merkle::parse_checkpoint_text(text)) {
        CHECK(merkle::checkpoint_text(*checkpoint) == text);
      }
      break;
    case 2:
      if (auto const key = merkle::parse_vkey(text)) CHECK(key->vkey() == text);
      break;
    case 3:
      if (auto const proof = merkle::parse_proof(text)) {
        CHECK(merkle::format_proof(*proof) == text);
        auto const verified =
            merkle::verify_inclusion(Hash{}, proof->index, UINT64_MAX, proof->path, Hash{});
        CHECK(!verified);
      }
      break;
    case 4:
      if (auto const request = merkle::parse_add_checkpoint(text)) {
        CHECK(merkle::format_add_checkpoint(*request) == text);
      }
      break;
    default:
      try_tile_path(text);
  }
  return 0;
}
