// Between columns and the types of store.h. What does not convert is damage: kCorrupt.
#pragma once

#include <string_view>

#include "base/ids.h"
#include "store/sqlite/db.h"

namespace amic::store::sqlite {

Result<MemberId> member_of(std::string_view text);  // "" is the empty member
Result<Code> code_of_name(std::string_view name);

// Object ids take a third less room with the UUID as 16 bytes, first so that keys spread evenly:
// uuid(16) || type, or, for what is not "type--uuid" in canonical form, zero(16) || text.
std::string encode_id(std::string_view id);
Result<std::string> decode_id(BytesView stored);
// The part before "--" of an encoded id; empty if it has none.
std::string_view encoded_type(std::string_view stored);

}  // namespace amic::store::sqlite
