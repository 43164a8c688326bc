// What a node notes of attachments beside the log, in the transaction that stores a description.
// docs/formats/store.md lists the keys. No secret is in there.
#pragma once

#include <optional>
#include <vector>

#include "exchange/attachment.h"
#include "store/store.h"

namespace amic::exchange {

// What is known of a description without opening it. KV space "attachment", key
// "<item in hex>/<id of the description's envelope in hex>"; and "attachment-root", key
// "<root in hex>/<id>", with the item's id, so that it is found both ways.
struct AttachmentRow {
  EnvelopeId id;
  EnvelopeId item;
  Hash target;
  Hash root;
  std::uint64_t size = 0;
  MemberId originator;
  UnixMs expires_ms = INT64_MAX;  // of the marking that it was shared with
  std::vector<MemberId> recipients;
};
Result<std::vector<AttachmentRow>> attachments_of(store::Store& store, EnvelopeId const& item);
// All that name this root.
Result<std::vector<AttachmentRow>> attachments_with(store::Store& store, Hash const& root);
// Of all items, by key; `after_key` moves on; at most limits::kPageMax. Empty at the end.
Result<std::vector<AttachmentRow>> next_attachments(store::Store& store, std::string& after_key);

// What the envelope of a description changes there. kOverloaded: the item has as many as it may.
Result<std::vector<store::KvPut>> attachment_puts(envelope::Contents const& contents,
                                                  store::Store& store);
std::vector<store::KvPut> attachment_deletes(AttachmentRow const& row);

// Files to be fetched: KV space "attachment-wanted", key "<originator>/<id>".
struct WantedAttachment {
  MemberId from;
  EnvelopeId id;
  EnvelopeId item;
  Hash target;
  std::string given_up;  // the code of why it is not fetched any more; empty: it is
};
store::KvPut wanted_put(WantedAttachment const& wanted);
Result<store::KvPut> wanted_put_of(envelope::Contents const& contents);  // of a received one
store::KvPut wanted_delete(MemberId const& from, EnvelopeId const& id);
Result<std::vector<WantedAttachment>> next_wanted(store::Store& store, std::string& after_key);
Result<std::optional<WantedAttachment>> find_wanted(store::Store& store, MemberId const& from,
                                                    EnvelopeId const& id);

// Refuses, with kForbidden, a description of an item that is held and not its sender's; nothing to
// say of other kinds. What is not here yet is judged when it comes: the id bears its owner's tag.
Result<void> check_attachment(envelope::Contents const& contents, store::Store& store);

}  // namespace amic::exchange
