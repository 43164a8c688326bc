// Every group of commands has one function here, called once in run_cli().
#pragma once

#include "node/cli.h"

namespace amic::node {

void add_node_commands(CLI::App& app, Context& context);       // amic node
void add_card_commands(CLI::App& app, Context& context);       // amic card
void add_community_commands(CLI::App& app, Context& context);  // amic community

}  // namespace amic::node
