#include "benchmarks/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "json/json.h"

namespace amic::bench {

namespace {
std::string bar_text(Figure const& figure) {
  if (!figure.bar) return "";
  return (figure.bar->at_most ? "<= " : ">= ") + number_text(figure.bar->limit) + " " + figure.unit;
}

std::string beside_text(Figure const& figure) {
  std::string out;
  for (auto const& beside : figure.beside) {
    if (!out.empty()) out += "; ";
    out += beside.name + " " + number_text(beside.value) + " " + beside.unit;
  }
  return out;
}

std::string verdict(Figure const& figure) {
  if (!figure.bar) return "";
  return figure.met() ? "PASS" : "BELOW";
}

std::string processor_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown processor";
}
}  // namespace

bool Figure::met() const {
  if (!bar) return true;
  return bar->at_most ? value <= bar->limit : value >= bar->limit;
}

std::string number_text(double value) {
  char digits[64];
  double const size = std::fabs(value);
  int const decimals = size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 4;
  std::snprintf(digits, sizeof digits, "%.*f", decimals, value);
  std::string text = digits;
  if (text.find('.') != std::string::npos) {
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
  }
  auto const whole = std::min(text.find('.'), text.size());
  for (auto at = whole; at > 3 && text[at - 4] != '-'; at -= 3) text.insert(at - 3, ",");
  return text;
}

void progress(std::string const& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
}

void Report::add(Figure figure) {
  if (!bars_) figure.bar.reset();
  std::string line = "    " + figure.name + ": " + number_text(figure.value) + " " + figure.unit;
  if (figure.bar) line += "  (" + bar_text(figure) + ": " + verdict(figure) + ")";
  if (!figure.beside.empty()) line += "  [" + beside_text(figure) + "]";
  progress(line);
  figures_.push_back(std::move(figure));
}

std::string Report::table() const {
  std::vector<std::vector<std::string>> rows{{"", "measured", "bar", "", "beside it, same run"}};
  std::string section;
  for (auto const& figure : figures_) {
    if (figure.section != section) rows.push_back({section = figure.section});
    rows.push_back({"  " + figure.name, number_text(figure.value) + " " + figure.unit,
                    bar_text(figure), verdict(figure), beside_text(figure)});
  }
  std::vector<std::size_t> widths(5);
  for (auto const& row : rows)
    for (std::size_t i = 0; i < row.size() && row.size() > 1; ++i)
      widths[i] = std::max(widths[i], row[i].size());
  std::string out;
  for (auto const& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size())
        line.append(std::max(widths[i] + 2, row[i].size() + 1) - row[i].size(), ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string Report::json() const {
  json::array list;
  for (auto const& figure : figures_) {
    json::object one{{"section", figure.section},
                     {"name", figure.name},
                     {"value", figure.value},
                     {"unit", figure.unit}};
    if (figure.bar) {
      one[figure.bar->at_most ? "at_most" : "at_least"] = figure.bar->limit;
      one["met"] = figure.met();
    }
    json::array beside;
    for (auto const& other : figure.beside)
      beside.push_back({{"name", other.name}, {"value", other.value}, {"unit", other.unit}});
    one["beside"] = std::move(beside);
    list.push_back(std::move(one));
  }
  auto const& here = machine();
  json::object out{{"processor", here.processor}, {"cores", here.cores}, {"load", here.load}};
  out["figures"] = std::move(list);
  return json::serialize(out);
}

Machine const& machine() {
  static Machine const here = [] {
    Machine out;
    out.processor = processor_name();
    out.cores = std::thread::hardware_concurrency();
    double load[1] = {0};
    if (::getloadavg(load, 1) == 1) out.load = load[0];
    return out;
  }();
  return here;
}

}  // namespace amic::bench
