#include "node/share_request.h"

#include "codec/codec.h"

namespace amic::node {

std::string share_request_text(json::object marking, std::string_view precedence, bool keep_private,
                               std::string_view media_type, std::string_view body,
                               std::string_view group) {
  json::object request;
  request["marking"] = std::move(marking);
  request["precedence"] = precedence;
  request["private"] = keep_private;
  if (!group.empty()) request["group"] = group;
  if (media_type != kStixMediaType) {
    request["media_type"] = media_type;
    request["body_base64"] = codec::to_base64(as_bytes(body));
    return json::serialize(request);
  }
  auto text = json::serialize(request);
  text.pop_back();
  text += ",\"bundle\":";
  text += body;
  text += '}';
  return text;
}

}  // namespace amic::node
