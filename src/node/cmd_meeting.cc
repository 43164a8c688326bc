// amic meeting, amic chair: records of meetings, and the chair from hand to hand.
#include <CLI/CLI.hpp>
#include <memory>

#include "net/target.h"
#include "node/commands.h"
#include "node/files.h"
#include "node/saying.h"

namespace amic::node {

namespace {
struct MeetingArguments {
  ApiArguments api;
  SigningArguments signing;
  std::string file, author, id, out, note, statement;
  std::vector<std::string> requests;
};
using A = MeetingArguments const&;

struct Answer {
  json::object object;
  std::string text;
};
Result<Answer> get(A a, std::string const& target) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  Answer out;
  AMIC_TRY(out.text, client->get(target));
  AMIC_TRY(auto value, json::parse(out.text));
  out.object = std::move(value.as_object());
  return out;
}

std::string done_text(json::object const& said) {
  return field(said, "sent") == "true" ? "signed and sent.\n"
                                       : "waits for a signature: amic motion sign\n";
}

std::string meeting_line(json::object const& one) {
  return field(one, "author") + "  " + field(one, "id") + "  " + field(one, "start") + "  " +
         field(one, "state") + "  " + field(one, "title") + "\n";
}

Result<Output> list(A a, Context&) {
  AMIC_TRY(auto const answer, get(a, "/api/v1/meetings"));
  std::string out;
  for (auto const& one : answer.object.at("meetings").as_array())
    out += meeting_line(one.as_object());
  if (out.empty()) out = "No meetings.\n";
  return Output{std::move(out), answer.text};
}

Result<Output> show(A a, Context&) {
  AMIC_TRY(auto const answer, get(a, "/api/v1/meetings/" + net::percent_encode(a.author) + "/" +
                                         net::percent_encode(a.id)));
  auto const& one = answer.object;
  std::string out = meeting_line(one);
  out += "  until " + field(one, "end") + ", revision " + field(one, "revision") + "\n";
  for (auto const* name : {"body", "place", "minutes_sha256", "minutes_motion"})
    if (!field(one, name).empty()) out += "  " + std::string(name) + ": " + field(one, name) + "\n";
  for (auto const& value : one.at("participants").as_array())
    out += "  present: " + field(value.as_object(), "member") + " " +
           field(value.as_object(), "name") + "\n";
  for (auto const& value : one.at("agenda").as_array())
    out +=
        "  " + field(value.as_object(), "number") + ". " + field(value.as_object(), "title") + "\n";
  for (auto const& value : one.at("actions").as_array()) {
    auto const& action = value.as_object();
    auto const due = field(action, "due");
    out += "  action " + field(action, "number") + ", " + field(action, "owner") +
           (due.empty() ? "" : ", until " + due) + ", " + field(action, "state") + ": " +
           field(action, "text") + "\n";
  }
  return Output{std::move(out), answer.text};
}

Result<Output> add_meeting(A a, Context& context) {
  AMIC_TRY(auto const text, read_file(a.file));
  auto const value = json::parse(text);
  if (!value) return fail(value.error().code, a.file + value.error().where, value.error().detail);
  if (!value->is_object()) return fail(Code::kWrongType, a.file, "an object is wanted");
  AMIC_TRY(auto const said,
           say(a.api, a.signing, "/api/v1/meetings", value->get_object(), context));
  return Output{"Meeting " + field(said, "id") + " " + done_text(said), json::serialize(said)};
}

Result<Output> calendar(A a, Context&) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const text, client->get("/api/v1/meetings.ics"));
  Output out;
  AMIC_TRY_VOID(deliver(a.out, text, out));
  if (out.text.empty()) out.text = "Wrote " + a.out + ".\n";
  out.json = json::serialize(json::object{{"out", a.out}, {"text", text}});
  return out;
}

Result<Output> show_chair(A a, Context&) {
  AMIC_TRY(auto const answer, get(a, "/api/v1/handover"));
  auto const& one = answer.object;
  std::string out = "Chair " + field(one, "chair") + "; next in turn " + field(one, "next") +
                    "; handover: " + field(one, "state") + "\n";
  if (!field(one, "outgoing").empty())
    out += "  from " + field(one, "outgoing") + " to " + field(one, "incoming") + ", epoch " +
           field(one, "epoch") + "\n";
  for (auto const& value : one.at("open_here").as_array())
    out += "  open: " + field(value.as_object(), "motion").substr(0, 16) + "  " +
           field(value.as_object(), "stage") + "  " + field(value.as_object(), "title") + "\n";
  for (auto const& value : one.at("differences").as_array())
    out += "  DIFFERS: " + field(value.as_object(), "fault") + "  " +
           field(value.as_object(), "motion").substr(0, 16) + "  " +
           field(value.as_object(), "title") + "\n";
  return Output{std::move(out), answer.text};
}

Result<Output> hand_over(A a, Context& context) {
  json::object request;
  if (!a.note.empty()) request["note"] = a.note;
  json::array requests;
  for (auto const& title : a.requests) requests.push_back(json::object{{"title", title}});
  if (!requests.empty()) request["requests"] = std::move(requests);
  AMIC_TRY(auto const said, say(a.api, a.signing, "/api/v1/handover", request, context));
  return Output{"Handover " + done_text(said), json::serialize(said)};
}

Result<Output> accept_chair(A a, Context& context) {
  json::object request;
  if (!a.note.empty()) request["note"] = a.note;
  if (!a.statement.empty()) request["statement"] = a.statement;
  AMIC_TRY(auto const said, say(a.api, a.signing, "/api/v1/handover/accept", request, context));
  return Output{"Acceptance " + done_text(said), json::serialize(said)};
}

struct Command {
  CLI::App* app;
  std::shared_ptr<MeetingArguments> arguments;
};
Command add(CLI::App& group, Context& context, char const* name, char const* help, bool signs,
            Result<Output> (*body)(A, Context&)) {
  auto const a = std::make_shared<MeetingArguments>();
  auto& command = add_api_command(group, name, help, a->api);
  if (signs) add_signing_options(command, a->signing);
  on_run(command, context, [a, body, &context] { return body(*a, context); });
  return {&command, a};
}
}  // namespace

void add_meeting_commands(CLI::App& app, Context& context) {
  auto& group = *app.add_subcommand("meeting", "Records of meetings; they bind nobody");
  group.require_subcommand(1);
  add(group, context, "list", "All meetings, by start", false, list);
  auto const shown = add(group, context, "show", "One meeting", false, show);
  shown.app->add_option("AUTHOR", shown.arguments->author, "Member that recorded it")->required();
  shown.app->add_option("ID", shown.arguments->id, "Its id")->required();
  auto const added =
      add(group, context, "add", "Record one, or its next revision", true, add_meeting);
  added.app->add_option("FILE", added.arguments->file, "JSON; fields as in docs/api.md")
      ->required();
  auto const ics =
      add(group, context, "calendar", "All as a calendar file (iCalendar)", false, calendar);
  ics.app->add_option("--out", ics.arguments->out, "New file; default: print it");
  group.footer("Example:\n  amic meeting calendar --dir my --out meetings.ics");
}

void add_chair_commands(CLI::App& app, Context& context) {
  auto& group = *app.add_subcommand(
      "chair", "Whose chair it is, and handing it over; it passes by a motion only");
  group.require_subcommand(1);
  add(group, context, "show", "Chair, next in turn, state of the handover", false, show_chair);
  auto const over =
      add(group, context, "handover", "Sign what is open, as the outgoing chair", true, hand_over);
  over.app->add_option("--request", over.arguments->requests,
                       "Title of a request that is not answered yet; repeatable");
  auto const taken = add(group, context, "accept",
                         "Sign that the list was received, as the "
                         "incoming chair",
                         true, accept_chair);
  taken.app->add_option("--statement", taken.arguments->statement, "The handover that was shown");
  for (auto const& one : {over, taken})
    one.app->add_option("--note", one.arguments->note, "For the record");
  group.footer(
      "Example:\n  amic motion propose chair --dir my --title \"Chair of 2027\" --next\n"
      "  amic chair handover --dir my --note \"Two motions are open.\"");
}

}  // namespace amic::node
