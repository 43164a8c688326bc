// Figures, each beside what it is measured against in the same run.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace amic::bench {

struct Bar {
  bool at_most = false;  // else at least
  double limit = 0;
};

// The machine's own limit, or the bare libraries doing the same.
struct Beside {
  std::string name;
  double value = 0;
  std::string unit;
};

struct Figure {
  std::string section;
  std::string name;
  double value = 0;
  std::string unit;
  std::optional<Bar> bar = {};
  std::vector<Beside> beside = {};

  bool met() const;  // true without a bar
};

class Report {
 public:
  // Without `bars` no figure keeps its bar: they hold for the full sizes only.
  explicit Report(bool bars) : bars_(bars) {}
  void add(Figure figure);  // also tells standard error, so that one sees it go on
  std::vector<Figure> const& figures() const { return figures_; }
  std::string table() const;
  std::string json() const;

 private:
  bool bars_;
  std::vector<Figure> figures_;
};

// Three significant digits, thousands separated: "12,300", "4.56", "0.0123".
std::string number_text(double value);

struct Machine {
  std::string processor;
  unsigned cores = 0;
  double load = 0;  // average over the last minute
};
Machine const& machine();  // as it was at the first call

void progress(std::string const& text);

}  // namespace amic::bench
