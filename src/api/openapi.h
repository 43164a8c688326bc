#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace amic::api {

// OpenAPI 3.1 of every route in the table, as JSON text.
std::string openapi_document(std::string_view version);

// What the document says of one route beyond the table's own columns.
struct OperationDoc {
  std::string_view method;
  std::string_view pattern;
  std::string_view id;  // operationId
  int success = 200;
  std::string_view media_type = "application/json";  // of the answer; empty: no body
  std::string_view schema = {};                      // of the answer; empty: not JSON
  std::vector<std::string_view> parameters = {};     // beyond those in the path
  std::string_view request_schema = {};
  std::vector<int> failures = {};  // beyond 401, 403, 429 and the default
  std::string_view request_media_type = "application/json";
};
OperationDoc const* operation_doc(std::string_view method, std::string_view pattern);
// Consent's part of all three (openapi_consent.cc); the latter two as JSON text.
std::vector<OperationDoc> const& consent_operation_docs();
std::string_view consent_schemas();
std::string_view consent_parameters();
// Of carrier files and what is in them.
inline constexpr std::string_view kBatchType = "application/vnd.amic.batch";
inline constexpr std::string_view kReceiptType = "application/vnd.amic.receipt";
inline constexpr std::string_view kCarrierCheckType = "application/vnd.amic.carrier-check";

json::object openapi_schemas();
json::object openapi_parameters();

}  // namespace amic::api
