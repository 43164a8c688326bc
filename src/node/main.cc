#include <iostream>

#include "node/cli.h"

int main(int argc, char** argv) {
  amic::SystemClock const clock;
  amic::SystemRandom random;
  amic::node::Context context{std::cout, std::cerr, clock, random,
                              amic::node::process_environment()};
  return amic::node::run_cli({argv + 1, argv + argc}, context);
}
