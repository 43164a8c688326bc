// Schemas and parameters of the OpenAPI document, written as what they are: JSON.
#include "api/openapi.h"
#include "base/check.h"

namespace amic::api {

namespace {
constexpr std::string_view kSchemas = R"({
"Any":{"type":"object"},
"Problem":{"type":"object","description":"RFC 9457 problem details","required":["type","title","status","code","retryable"],"properties":{
  "type":{"type":"string","description":"urn:amic:error:<code>"},"title":{"type":"string"},"status":{"type":"integer"},
  "code":{"type":"string","description":"Stable name of the error"},"retryable":{"type":"boolean"},
  "where":{"type":"string","description":"JSON pointer in the body, query.<name>, header.<name> or path.<name>"},
  "detail":{"type":"string"},"report":{"$ref":"#/components/schemas/Report"}}},
"Classification":{"enum":["UNCLASSIFIED","RESTRICTED","CONFIDENTIAL","SECRET","TOP SECRET"]},
"Precedence":{"enum":["FLASH","IMMEDIATE","PRIORITY","ROUTINE"]},
"Marking":{"type":"object","required":["classification"],"properties":{
  "banner":{"type":"string","readOnly":true},"realm":{"type":"string","readOnly":true},
  "classification":{"$ref":"#/components/schemas/Classification"},
  "rel_to":{"type":"array","items":{"type":"string"},"description":"Members that receive it; empty reaches nobody"},
  "tlp":{"enum":["TLP:CLEAR","TLP:GREEN","TLP:AMBER","TLP:AMBER+STRICT","TLP:RED"]},
  "handling":{"type":"array","items":{"enum":["ORCON","H0","H1","H2","H3"]}},
  "purpose":{"type":"string"},"expires":{"type":"string","format":"date-time","description":"From then on it reaches nobody"}}},
"ShareRequest":{"type":"object","additionalProperties":false,"required":["marking"],"properties":{
  "marking":{"$ref":"#/components/schemas/Marking"},"precedence":{"$ref":"#/components/schemas/Precedence"},
  "private":{"type":"boolean","description":"Keep it on this node alone"},
  "group":{"type":"string","description":"Instead of rel_to: id or name of a group; its members at this moment receive it"},
  "lineage":{"type":"array","items":{"type":"string","pattern":"^[0-9a-f]{64}$"}},
  "bundle":{"type":"object","description":"STIX 2.1 bundle or object; its exact text is kept"},
  "media_type":{"type":"string","description":"With body_base64"},
  "body_base64":{"type":"string","contentEncoding":"base64"}},
  "oneOf":[{"required":["bundle"]},{"required":["media_type","body_base64"]}]},
"Refusal":{"type":"object","required":["code","reason"],"properties":{"member":{"type":"string","description":"Absent: the whole release"},"code":{"type":"string"},"reason":{"type":"string"}}},
"RefusedObject":{"type":"object","required":["index","verdict","code","pointer","reason"],"properties":{
  "index":{"type":"integer"},"verdict":{"enum":["quarantined","rejected"]},"id":{"type":"string"},
  "code":{"type":"string"},"pointer":{"type":"string"},"reason":{"type":"string"}}},
"Report":{"type":"object","description":"accepted, quarantined and rejected sum to the input","required":["accepted","quarantined","rejected","refused"],"properties":{
  "accepted":{"type":"integer"},"quarantined":{"type":"integer"},"rejected":{"type":"integer"},
  "refused":{"type":"array","items":{"$ref":"#/components/schemas/RefusedObject"}}}},
"ShareResult":{"type":"object","required":["recipients"],"properties":{
  "id":{"type":"string","format":"uuid"},"digest":{"type":"string"},"seq":{"type":"integer","description":"Log position; audit and admin tokens only"},
  "created":{"type":"string","format":"date-time"},"recipients":{"type":"array","items":{"type":"string"}},
  "refusals":{"type":"array","items":{"$ref":"#/components/schemas/Refusal"}},
  "report":{"$ref":"#/components/schemas/Report"},"replayed":{"type":"boolean"},
  "dry_run":{"type":"boolean"},"body_bytes":{"type":"integer"},"banner":{"type":"string"}}},
"Item":{"type":"object","required":["id","originator","precedence","marking","title","media_type","created","received","objects","quarantined","rejected"],"properties":{
  "id":{"type":"string","format":"uuid"},"originator":{"type":"string"},"precedence":{"$ref":"#/components/schemas/Precedence"},
  "marking":{"$ref":"#/components/schemas/Marking"},"title":{"type":"string"},"media_type":{"type":"string"},
  "created":{"type":"string","format":"date-time"},"received":{"type":"string","format":"date-time"},
  "objects":{"type":"integer"},"quarantined":{"type":"integer"},"rejected":{"type":"integer"},
  "seq":{"type":"integer","description":"Log position; audit and admin tokens only"},
  "state":{"enum":["active","retracted","recalled","removed","erased"],"description":"Unless active it is shown without its contents"},
  "operation":{"type":"object","description":"The originator's latest operation on it","properties":{"kind":{"$ref":"#/components/schemas/OperationKind"},"counter":{"type":"integer"},"at":{"type":"string","format":"date-time"},"reason":{"type":"string"}}},
  "conflicts":{"type":"array","description":"Objects of which the same member holds another content under the same version","items":{"type":"object","required":["id","version","shown"],"properties":{"id":{"type":"string"},"version":{"type":"string","format":"date-time"},"shown":{"type":"boolean","description":"This item's content is the one shown"}}}},
  "refused":{"type":"array","items":{"$ref":"#/components/schemas/RefusedObject"}}}},
"OperationKind":{"enum":["retract","recall","narrow","remark","restore"]},
"OperationRequest":{"type":"object","additionalProperties":false,"required":["kind"],"properties":{
  "kind":{"$ref":"#/components/schemas/OperationKind"},"reason":{"type":"string","maxLength":1024},
  "precedence":{"$ref":"#/components/schemas/Precedence"},
  "to":{"type":"array","items":{"type":"string"},"description":"narrow: the members that keep it"},
  "marking":{"$ref":"#/components/schemas/Marking","description":"remark: without rel_to"}}},
"OperationResult":{"type":"object","required":["id","digest","counter","at","recipients","note"],"properties":{
  "id":{"type":"string","format":"uuid"},"digest":{"type":"string"},"counter":{"type":"integer"},"at":{"type":"string","format":"date-time"},
  "recipients":{"type":"array","items":{"type":"string"}},"note":{"type":"string"},"replayed":{"type":"boolean"}}},
"OperationReport":{"type":"object","required":["item","id","kind","counter","at","standing","precedence","reason","marking","members","note"],"properties":{
  "item":{"type":"string","format":"uuid"},"id":{"type":"string","format":"uuid"},"kind":{"$ref":"#/components/schemas/OperationKind"},
  "counter":{"type":"integer"},"at":{"type":"string","format":"date-time"},"standing":{"enum":["in_view","retracted","recalled"]},
  "precedence":{"$ref":"#/components/schemas/Precedence"},"reason":{"type":"string"},"marking":{"$ref":"#/components/schemas/Marking"},
  "members":{"type":"array","items":{"type":"object","required":["member","asked","delivered"],"properties":{
    "member":{"type":"string"},"asked":{"type":"boolean","description":"To destroy it"},"delivered":{"type":"boolean"},
    "outcome":{"enum":["complied","refused","pending","delivered, not answered","not delivered"]},"at":{"type":"string","format":"date-time"},
    "counter":{"type":"integer"},"hidden":{"type":"boolean"},"key_destroyed":{"type":"boolean"},"reason":{"type":"string"}}}},
  "note":{"type":"string"}}},
"RecallList":{"type":"object","required":["recalls"],"properties":{"recalls":{"type":"array","items":{"type":"object","required":["item","originator","kind","counter","at","reason","duty","destroyed"],"properties":{
  "item":{"type":"string","format":"uuid"},"originator":{"type":"string"},"kind":{"$ref":"#/components/schemas/OperationKind"},"counter":{"type":"integer"},
  "at":{"type":"string","format":"date-time"},"reason":{"type":"string"},"duty":{"enum":["not received yet","due","to be decided","refused","complied"]},"destroyed":{"type":"boolean"}}}}}},
"RecallDecision":{"type":"object","additionalProperties":false,"required":["decision"],"properties":{"decision":{"enum":["comply","refuse"]},"reason":{"type":"string","maxLength":1024,"description":"Wanted with refuse"}}},
"VisibleSet":{"type":"object","required":["members","digest","objects"],"properties":{"members":{"type":"array","items":{"type":"string"}},"digest":{"type":"string"},"objects":{"type":"integer"}}},
"Attachment":{"type":"object","required":["id","item","originator","name","media_type","size","sha256","created","state","chunks","chunks_held"],"properties":{
  "id":{"type":"string","format":"uuid"},"item":{"type":"string","format":"uuid"},"originator":{"type":"string"},"name":{"type":"string","maxLength":255},"media_type":{"type":"string"},
  "size":{"type":"integer","maximum":2147483648},"sha256":{"type":"string","description":"Of the file"},"created":{"type":"string","format":"date-time"},
  "state":{"enum":["held","fetching","waiting","unavailable"]},"chunks":{"type":"integer"},"chunks_held":{"type":"integer","description":"Of 1 MiB, here"},
  "reason":{"type":"string","description":"Why it is not here"},"recipients":{"type":"array","items":{"type":"string"}},"replayed":{"type":"boolean"}}},
"AttachmentList":{"type":"object","required":["attachments"],"properties":{"attachments":{"type":"array","items":{"$ref":"#/components/schemas/Attachment"}}}},
"Group":{"type":"object","required":["id","name","owner","members","classification","closed","member","version","changed"],"properties":{
  "id":{"type":"string","format":"uuid"},"name":{"type":"string"},"owner":{"type":"string"},"members":{"type":"array","items":{"type":"string"}},
  "classification":{"$ref":"#/components/schemas/Classification"},"closed":{"type":"boolean"},
  "member":{"type":"boolean","description":"This node is in it now"},"version":{"type":"integer"},"changed":{"type":"string","format":"date-time"}}},
"GroupList":{"type":"object","required":["groups"],"properties":{"groups":{"type":"array","items":{"$ref":"#/components/schemas/Group"}}}},
"GroupRequest":{"type":"object","additionalProperties":false,"properties":{"name":{"type":"string","maxLength":128},
  "members":{"type":"array","items":{"type":"string"},"description":"This node is one anyway"},
  "classification":{"$ref":"#/components/schemas/Classification"},"closed":{"type":"boolean"}}},
"ItemList":{"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Item"}},"next":{"type":"string","description":"cursor of the next page; absent at the end"}}},
"StixObject":{"type":"object","required":["type","id"],"properties":{"type":{"type":"string"},"id":{"type":"string"}}},
"ObjectList":{"type":"object","required":["objects","originators"],"properties":{"objects":{"type":"array","items":{"$ref":"#/components/schemas/StixObject"}},"originators":{"type":"array","items":{"type":"string"},"description":"Of each object in turn"},"next":{"type":"string","description":"cursor of the next page; absent at the end"}}},
"Edge":{"type":"object","required":["id","relation"],"properties":{"id":{"type":"string"},"relation":{"type":"string"}}},
"Relations":{"type":"object","required":["refers_to","referred_by"],"properties":{"refers_to":{"type":"array","items":{"$ref":"#/components/schemas/Edge"}},"referred_by":{"type":"array","items":{"$ref":"#/components/schemas/Edge"}}}},
"Community":{"type":"object","required":["id","name","epoch","head_digest","chair","self","realm","members","instruments"],"properties":{
  "id":{"type":"string"},"name":{"type":"string"},"epoch":{"type":"integer"},"head_digest":{"type":"string"},"chair":{"type":"string"},"self":{"type":"string"},"realm":{"type":"string"},
  "members":{"type":"array","items":{"type":"object","properties":{"id":{"type":"string"},"name":{"type":"string"},"fingerprint":{"type":"string"}}}},
  "instruments":{"type":"array","items":{"type":"object","properties":{"kind":{"type":"string"},"version":{"type":"integer"},"title":{"type":"string"},"sha256":{"type":"string"}}}}}},
"LinkList":{"type":"object","required":["links"],"properties":{"links":{"type":"array","items":{"type":"object"}}}},
"Log":{"type":"object","required":["size","checkpoint"],"properties":{"size":{"type":"integer"},"checkpoint":{"type":"string"}}},
"QuarantineList":{"type":"object","required":["quarantine"],"properties":{"quarantine":{"type":"array","items":{"type":"object","properties":{"peer":{"type":"string"},"at":{"type":"string","format":"date-time"},"code":{"type":"string"},"reason":{"type":"string"},"digest":{"type":"string"},"bytes":{"type":"integer"}}}}}},
"TokenRequest":{"type":"object","additionalProperties":false,"required":["name","scopes","clearance"],"properties":{
  "name":{"type":"string","description":"For people and logs"},"scopes":{"type":"string","description":"Comma-separated: read, share, admin, audit"},
  "clearance":{"$ref":"#/components/schemas/Classification"},"expires":{"type":"string","format":"date-time"}}},
"Token":{"type":"object","required":["id","name","scopes","clearance","created"],"properties":{
  "id":{"type":"string"},"name":{"type":"string"},"scopes":{"type":"array","items":{"enum":["read","share","admin","audit"]}},
  "clearance":{"$ref":"#/components/schemas/Classification"},"created":{"type":"string","format":"date-time"},"expires":{"type":"string","format":"date-time"}}},
"NewToken":{"allOf":[{"$ref":"#/components/schemas/Token"},{"type":"object","required":["secret"],"properties":{"secret":{"type":"string","description":"Shown this once"}}}]},
"LogIn":{"type":"object","additionalProperties":false,"properties":{"token":{"type":"string"},"code":{"type":"string","description":"Works once"}},"oneOf":[{"required":["token"]},{"required":["code"]}]},
"Session":{"type":"object","required":["name","token_id","scopes","clearance","member"],"properties":{
  "name":{"type":"string"},"token_id":{"type":"string"},"scopes":{"type":"array","items":{"enum":["read","share","admin","audit"]}},
  "clearance":{"$ref":"#/components/schemas/Classification"},"member":{"type":"string"},
  "ends":{"type":"string","format":"date-time","description":"Sessions only: whatever happens"},"idle_s":{"type":"integer","description":"Sessions only: unused for so long, it ends"}}},
"LoginCodeRequest":{"type":"object","additionalProperties":false,"properties":{"valid_s":{"type":"integer","minimum":1,"maximum":86400,"default":300}}},
"LoginCode":{"type":"object","required":["code","expires"],"properties":{"code":{"type":"string","description":"Shown this once"},"expires":{"type":"string","format":"date-time"}}},
"TokenList":{"type":"object","required":["tokens"],"properties":{"tokens":{"type":"array","items":{"$ref":"#/components/schemas/Token"}}}},
"EvidenceList":{"type":"object","required":["evidence"],"properties":{"evidence":{"type":"array","items":{"type":"object","required":["id","kind","noticed","proven","text"],"properties":{"id":{"type":"string"},"kind":{"enum":["lane","log"]},"noticed":{"type":"string","format":"date-time"},"member":{"type":"string"},"proven":{"type":"boolean","description":"false: it may also come of a wrong proof by somebody else"},"text":{"type":"string"}}}}}},
"Binary":{"type":"string","format":"binary"},
"RepairRequest":{"type":"object","additionalProperties":false,"description":"Nothing to be said so far"},
"Repair":{"type":"object","required":["phase","damaged","remaining","remaining_first","peers","problems"],"properties":{
  "phase":{"enum":["idle","auditing","salvaging","reading","asking","finishing","done","failed"]},
  "damaged":{"type":"integer","description":"Records known to be damaged now"},
  "started":{"type":"string","format":"date-time"},"ended":{"type":"string","format":"date-time"},
  "audited":{"type":"integer"},"records":{"type":"integer"},"found":{"type":"integer","description":"Damaged or missing records"},
  "mended":{"type":"integer","description":"From what was here"},"restored":{"type":"integer","description":"From peers"},
  "lane_rows":{"type":"integer","description":"Numbers of lanes that are known again"},"tiles":{"type":"integer"},
  "salvaged":{"type":"object","description":"The file was written anew","properties":{"rows":{"type":"integer"},"lost":{"type":"object","additionalProperties":{"type":"integer"}}}},
  "index_stale":{"type":"boolean","description":"The index is made anew"},
  "bytes_asked":{"type":"integer"},"bytes_answered":{"type":"integer"},"bytes_restored":{"type":"integer"},
  "remaining":{"type":"integer","description":"Still damaged"},
  "remaining_first":{"type":"array","items":{"type":"object","required":["seq","why"],"properties":{"seq":{"type":"integer"},"digest":{"type":"string"},"why":{"type":"string"}}}},
  "peers":{"type":"array","items":{"type":"object","required":["peer","restored","lacks","lies"],"properties":{"peer":{"type":"string"},"restored":{"type":"integer"},"lacks":{"type":"integer","description":"Numbers that are not in order there"},"lies":{"type":"integer","description":"Answers that were something else"},"problem":{"type":"string"}}}},
  "problems":{"type":"array","items":{"type":"string"}},"error":{"type":"string"}}},
"CarrierRequest":{"type":"object","additionalProperties":false,"required":["to"],"properties":{
  "to":{"type":"string"},"max_bytes":{"type":"integer","minimum":65536,"description":"Of one part; absent: one file"},
  "since_last":{"type":"boolean","description":"Only what no earlier export has brought; else all that was not acknowledged"}}},
"CarrierExport":{"type":"object","required":["id","to","parts","envelopes","bytes","receipts"],"properties":{
  "id":{"type":"string","format":"uuid"},"to":{"type":"string"},"created":{"type":"string","format":"date-time"},"envelopes":{"type":"integer"},"bytes":{"type":"integer"},"receipts":{"type":"integer"},
  "parts":{"type":"array","items":{"type":"object","properties":{"part":{"type":"integer"},"lanes":{"type":"array","items":{"$ref":"#/components/schemas/LaneRange"}}}}}}},
"LaneRange":{"type":"object","required":["precedence","first","last"],"properties":{"precedence":{"$ref":"#/components/schemas/Precedence"},"first":{"type":"integer"},"last":{"type":"integer"}}},
"CarrierCheck":{"type":"object","required":["from","part","parts","sections"],"properties":{"from":{"type":"string"},"part":{"type":"integer"},"parts":{"type":"integer"},"sections":{"type":"integer"}}},
"SectionOutcome":{"type":"object","required":["type","precedence","first","last","accepted","held","position","refused_total","refused"],"properties":{
  "type":{"enum":["batch","receipt"]},"precedence":{"$ref":"#/components/schemas/Precedence"},"first":{"type":"integer"},"last":{"type":"integer"},
  "accepted":{"type":"integer"},"held":{"type":"integer"},"position":{"type":"integer","description":"Of the lane afterwards"},
  "refused_total":{"type":"integer"},"refused":{"type":"array","items":{"type":"object","properties":{"n":{"type":"integer"},"code":{"type":"string"}}}},
  "gap":{"type":"object","properties":{"first":{"type":"integer"},"last":{"type":"integer"}}},
  "problem":{"type":"object","properties":{"code":{"type":"string"},"where":{"type":"string"},"detail":{"type":"string"}}}}},
"TaxiiError":{"type":"object","required":["title"],"properties":{"title":{"type":"string"},"description":{"type":"string"},"error_code":{"type":"string"},"http_status":{"type":"string"},"details":{"type":"object"}}},
"TaxiiDiscovery":{"type":"object","required":["title"],"properties":{"title":{"type":"string"},"description":{"type":"string"},"default":{"type":"string"},"api_roots":{"type":"array","items":{"type":"string"}}}},
"TaxiiApiRoot":{"type":"object","required":["title","versions","max_content_length"],"properties":{"title":{"type":"string"},"versions":{"type":"array","items":{"type":"string"}},"max_content_length":{"type":"integer"}}},
"TaxiiCollection":{"type":"object","required":["id","title","can_read","can_write"],"properties":{"id":{"type":"string","format":"uuid"},"title":{"type":"string"},"description":{"type":"string"},"alias":{"type":"string"},"can_read":{"type":"boolean"},"can_write":{"type":"boolean"},"media_types":{"type":"array","items":{"type":"string"}}}},
"TaxiiCollections":{"type":"object","properties":{"collections":{"type":"array","items":{"$ref":"#/components/schemas/TaxiiCollection"}}}},
"TaxiiEnvelope":{"type":"object","properties":{"more":{"type":"boolean"},"next":{"type":"string"},"objects":{"type":"array","items":{"$ref":"#/components/schemas/StixObject"}}}},
"TaxiiManifest":{"type":"object","properties":{"more":{"type":"boolean"},"next":{"type":"string"},"objects":{"type":"array","items":{"type":"object","required":["id","date_added","version"],"properties":{"id":{"type":"string"},"date_added":{"type":"string","format":"date-time"},"version":{"type":"string","format":"date-time"},"media_type":{"type":"string"}}}}}},
"TaxiiVersions":{"type":"object","properties":{"more":{"type":"boolean"},"next":{"type":"string"},"versions":{"type":"array","items":{"type":"string","format":"date-time"}}}},
"TaxiiStatusDetail":{"type":"object","required":["id","version"],"properties":{"id":{"type":"string"},"version":{"type":"string","format":"date-time"},"message":{"type":"string"}}},
"TaxiiStatus":{"type":"object","required":["id","status","total_count","success_count","failure_count","pending_count"],"properties":{
  "id":{"type":"string","format":"uuid"},"status":{"enum":["pending","complete"]},"request_timestamp":{"type":"string","format":"date-time"},
  "total_count":{"type":"integer"},"success_count":{"type":"integer"},"failure_count":{"type":"integer"},"pending_count":{"type":"integer"},
  "successes":{"type":"array","items":{"$ref":"#/components/schemas/TaxiiStatusDetail"}},
  "failures":{"type":"array","items":{"$ref":"#/components/schemas/TaxiiStatusDetail"}},
  "pendings":{"type":"array","items":{"$ref":"#/components/schemas/TaxiiStatusDetail"}}}}
})";

constexpr std::string_view kParameters = R"({
"safe":{"name":"safe","in":"query","schema":{"type":"boolean"},"description":"true: every part was written and is safe"},
"from":{"name":"from","in":"query","required":true,"schema":{"type":"string"},"description":"The member whose node wrote the file"},
"limit":{"name":"limit","in":"query","schema":{"type":"integer","minimum":1},"description":"Entries on a page; a page may hold fewer"},
"cursor":{"name":"cursor","in":"query","schema":{"type":"string"},"description":"next of the page before"},
"order":{"name":"order","in":"query","schema":{"enum":["newest","oldest"],"default":"newest"}},
"type":{"name":"type","in":"query","schema":{"type":"string"},"description":"STIX types, comma-separated"},
"id":{"name":"id","in":"query","schema":{"type":"string"},"description":"STIX ids, comma-separated"},
"creator":{"name":"creator","in":"query","schema":{"type":"string"},"description":"Member whose item brought the object"},
"originator":{"name":"originator","in":"query","schema":{"type":"string"},"description":"Member whose item brought the object"},
"of":{"name":"of","in":"query","schema":{"type":"string"},"description":"Members beside this node's own, comma-separated"},
"added_after":{"name":"added_after","in":"query","schema":{"type":"string","format":"date-time"}},
"version":{"name":"version","in":"query","schema":{"enum":["last","first","all"],"default":"last"}},
"file_name":{"name":"name","in":"query","required":true,"schema":{"type":"string","maxLength":255},"description":"What the file is called"},
"Range":{"name":"Range","in":"header","schema":{"type":"string"},"description":"One range of bytes, to go on where a download stopped"},
"IfRange":{"name":"If-Range","in":"header","schema":{"type":"string"},"description":"The ETag of what is there already; else the whole file is sent"},
"dry_run":{"name":"dry_run","in":"query","schema":{"type":"boolean","default":false},"description":"Say who would receive it; store and send nothing"},
"IdempotencyKey":{"name":"Idempotency-Key","in":"header","schema":{"type":"string","maxLength":255},"description":"The same key is shared only once"},
"LastEventId":{"name":"Last-Event-ID","in":"header","schema":{"type":"string"},"description":"id of the last event seen; 0 for all from the beginning"},
"after":{"name":"after","in":"query","schema":{"type":"string"},"description":"As Last-Event-ID, for clients that can't set headers"},
"next":{"name":"next","in":"query","schema":{"type":"string"},"description":"next of the page before"},
"match_id":{"name":"match[id]","in":"query","schema":{"type":"string"}},
"match_type":{"name":"match[type]","in":"query","schema":{"type":"string"}},
"match_version":{"name":"match[version]","in":"query","schema":{"type":"string"},"description":"last, first, all, timestamps; comma-separated"},
"match_spec_version":{"name":"match[spec_version]","in":"query","schema":{"type":"string"}}
})";

json::object parsed(std::string_view text) {
  auto value = json::parse(text);
  CHECK(value.has_value());  // our own text
  return value->get_object();
}
}  // namespace

json::object openapi_schemas() {
  auto out = parsed(kSchemas);
  for (auto const& one : parsed(consent_schemas())) out[one.key()] = one.value();
  return out;
}
json::object openapi_parameters() {
  auto out = parsed(kParameters);
  for (auto const& one : parsed(consent_parameters())) out[one.key()] = one.value();
  return out;
}

}  // namespace amic::api
