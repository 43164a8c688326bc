// Every group of commands has one function here, called once in run_cli().
#pragma once

#include "node/cli.h"

namespace amic::node {

void add_node_commands(CLI::App& app, Context& context);       // amic node
void add_card_commands(CLI::App& app, Context& context);       // amic card
void add_key_commands(CLI::App& app, Context& context);        // amic key
void add_community_commands(CLI::App& app, Context& context);  // amic community
void add_run_commands(CLI::App& app, Context& context);  // amic node run; after add_node_commands
void add_repair_commands(CLI::App& app, Context& context);      // amic node repair; likewise
void add_share_commands(CLI::App& app, Context& context);       // amic share, import
void add_group_commands(CLI::App& app, Context& context);       // amic group
void add_attach_commands(CLI::App& app, Context& context);      // amic attach
void add_recall_commands(CLI::App& app, Context& context);      // amic recall, retract, narrow, ...
void add_object_commands(CLI::App& app, Context& context);      // amic object, item
void add_link_commands(CLI::App& app, Context& context);        // amic link
void add_token_commands(CLI::App& app, Context& context);       // amic token
void add_log_commands(CLI::App& app, Context& context);         // amic log
void add_bundle_commands(CLI::App& app, Context& context);      // amic bundle
void add_evidence_commands(CLI::App& app, Context& context);    // amic evidence
void add_motion_commands(CLI::App& app, Context& context);      // amic motion
void add_motion_accept(CLI::App& group, Context& context);      // amic motion accept
void add_instrument_commands(CLI::App& app, Context& context);  // amic instrument
void add_meeting_commands(CLI::App& app, Context& context);     // amic meeting
void add_chair_commands(CLI::App& app, Context& context);       // amic chair
void add_demo_commands(CLI::App& app, Context& context);        // amic demo

}  // namespace amic::node
