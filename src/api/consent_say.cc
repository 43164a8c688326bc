#include "api/consent_say.h"

#include "codec/codec.h"
#include "net/problem.h"

namespace amic::api {

Result<governance::Delegation*> delegation_of(Services& services) {
  if (services.deps.delegation != nullptr) return services.deps.delegation;
  return fail(Code::kNotFound, "consent", "this node takes no part in consultations");
}

json::object said_json(governance::Said const& said) {
  json::object out;
  out["statement"] = codec::to_hex(said.statement.view());
  out["kind"] = consent::statement_kind_name(said.kind);
  out["sent"] = said.sent;
  if (said.sent) return out;
  out["message"] = codec::to_base64(said.message);
  out["key"] = codec::to_hex(said.key.view());
  return out;
}

net::Response said_response(governance::Said const& said, int status, json::object body) {
  auto answer = said_json(said);
  for (auto& field : body) answer[field.key()] = std::move(field.value());
  return json_response(said.sent ? status : 202, answer);
}

void say_and_answer(Services& services, governance::Delegation::Maker maker, int status, More more,
                    net::Responder respond) {
  auto const delegation = delegation_of(services);
  if (!delegation) return respond(net::problem(delegation.error()));
  (*delegation)
      ->say_made(std::move(maker), [status, more = std::move(more),
                                    respond = std::move(respond)](Result<governance::Said> said) {
        if (!said) return respond(net::problem(at_pointer(std::move(said).error())));
        json::object body;
        if (more) more(body);
        respond(said_response(*said, status, std::move(body)));
      });
}

Handle reads(Result<net::Response> (*read)(Services&, Call const&, governance::Delegation&)) {
  return answers([read](Services& services, Call const& call) -> Result<net::Response> {
    AMIC_TRY(auto* const delegation, delegation_of(services));
    return read(services, call, *delegation);
  });
}

Handle says(int status, Result<governance::Delegation::Maker> (*prepare)(Services&, Call const&)) {
  return [status, prepare](Services& services, Call call, net::Responder respond) {
    auto maker = prepare(services, call);
    if (!maker) return respond(net::problem(maker.error()));
    say_and_answer(services, std::move(*maker), status, {}, std::move(respond));
  };
}

json::object remarked_json(consent::Ledger::Remarked const& one) {
  json::object out;
  out["author"] = one.author.str();
  out["created"] = codec::to_rfc3339(one.created_ms);
  if (!one.place.empty()) out["place"] = one.place;
  if (one.to) out["to"] = one.to->str();
  out["text"] = one.text;
  return out;
}

}  // namespace amic::api
