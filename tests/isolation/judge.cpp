// Judge: reads compared with the order of versions, and cycles of dependencies.
//
// A cycle without two adjacent rw is a cycle in a graph that has every transaction twice: as reached by rw, from where no rw leads on,
// and as reached otherwise.
#include "isolation/judge.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>

namespace quire::test {

namespace {

enum class Kind : std::uint8_t { ww, wr, rw, rt };
constexpr std::array<const char*, 4> kind_names{"ww", "wr", "rw", "rt"};

struct Edge {
  std::size_t to = 0;
  Kind kind = Kind::ww;
  bool strict = true;  // of rw: demanded by a serializable reader
  std::size_t key = 0;
  std::uint64_t value = 0;  // the version that came to be, or was read; of rw: the one that was not
};

using Graph = std::vector<std::vector<Edge>>;

struct Writer {
  std::size_t record = 0;
  bool stays = false;         // committed and not taken back
  bool intermediate = false;  // the same transaction appended to the key again
};

struct Cycle {
  std::vector<std::size_t> from;
  std::vector<Edge> edges;
};

bool by_level(Isolation level, Isolation least) { return static_cast<int>(level) >= static_cast<int>(least); }

// Which nodes are left when those without a way in, or out, are taken away again and again: those between cycles.
std::vector<char> between_cycles(const Graph& graph) {
  std::vector<char> left(graph.size(), 1);
  Graph reversed(graph.size());
  for (std::size_t from = 0; from < graph.size(); ++from) {
    for (const Edge& edge : graph[from]) reversed[edge.to].push_back({.to = from});
  }
  const auto peel = [&](const Graph& forward, const Graph& back) {
    std::vector<std::size_t> ways(graph.size(), 0);
    std::vector<std::size_t> ready;
    for (std::size_t node = 0; node < graph.size(); ++node) {
      for (const Edge& edge : back[node]) ways[node] += left[edge.to] != 0 ? 1 : 0;
      if (left[node] != 0 && ways[node] == 0) ready.push_back(node);
    }
    while (!ready.empty()) {
      const std::size_t node = ready.back();
      ready.pop_back();
      left[node] = 0;
      for (const Edge& edge : forward[node]) {
        if (left[edge.to] != 0 && --ways[edge.to] == 0) ready.push_back(edge.to);
      }
    }
  };
  peel(graph, reversed);
  peel(reversed, graph);
  return left;
}

// The shortest way from a node back to it.
Cycle cycle_through(const Graph& graph, std::size_t start) {
  std::map<std::size_t, std::pair<std::size_t, Edge>> reached;  // node: from where, how
  std::deque<std::size_t> next{start};
  while (!next.empty() && !reached.contains(start)) {
    const std::size_t node = next.front();
    next.pop_front();
    for (const Edge& edge : graph[node]) {
      if (reached.emplace(edge.to, std::pair(node, edge)).second) next.push_back(edge.to);
    }
  }
  Cycle cycle;
  if (!reached.contains(start)) return cycle;
  std::size_t node = start;
  do {
    const auto& [from, edge] = reached.at(node);
    cycle.from.push_back(from);
    cycle.edges.push_back(edge);
    node = from;
  } while (node != start);
  std::reverse(cycle.from.begin(), cycle.from.end());
  std::reverse(cycle.edges.begin(), cycle.edges.end());
  return cycle;
}

Cycle shortest_cycle(const Graph& graph) {
  constexpr std::size_t starts_max = 200;
  const std::vector<char> left = between_cycles(graph);
  Cycle best;
  std::size_t starts = 0;
  for (std::size_t node = 0; node < graph.size() && starts < starts_max; ++node) {
    if (left[node] == 0) continue;
    ++starts;
    Cycle cycle = cycle_through(graph, node);
    if (!cycle.edges.empty() && (best.edges.empty() || cycle.edges.size() < best.edges.size())) best = std::move(cycle);
  }
  return best;
}

class Judge {
 public:
  Judge(const History& history, std::optional<Isolation> as) : history_(history), as_(as), graph_(history.records.size()) {}

  std::vector<Finding> run() {
    index_writers();
    check_last();
    for (std::size_t i = 0; i < history_.records.size(); ++i) check_reads(i);
    add_real_time();
    find_cycle();
    std::stable_sort(findings_.begin(), findings_.end(), [](const Finding& a, const Finding& b) { return a.anomaly < b.anomaly; });
    return std::move(findings_);
  }

 private:
  Isolation level_of(const Record& record) const {
    if (record.reads_only) return Isolation::serializable;
    return as_.value_or(record.level);
  }
  void find(Anomaly anomaly, std::string text) { findings_.push_back({anomaly, std::move(text)}); }

  void index_writers() {
    for (std::size_t i = 0; i < history_.records.size(); ++i) {
      const Record& record = history_.records[i];
      std::map<std::size_t, std::uint64_t> newest;
      for (const Event& event : record.events) {
        if (event.kind != Event::Kind::append) continue;
        const bool stays = record.committed && event.undone_at == never;
        if (!writers_.emplace(event.value, Writer{i, stays, false}).second) find(Anomaly::garbage, "the test appended " + std::to_string(event.value) + " twice");
        if (!stays) continue;
        const auto before = newest.find(event.key);
        if (before != newest.end()) writers_[before->second].intermediate = true;
        newest[event.key] = event.value;
      }
    }
  }

  void check_last() {
    for (std::size_t key = 0; key < history_.last.size(); ++key) check_last_of(key);
    for (const Record& record : history_.records) {
      for (const Event& event : record.events) {
        if (event.kind != Event::Kind::append || !writers_[event.value].stays || places_.contains(event.value)) continue;
        find(Anomaly::lost_update, std::to_string(event.value) + ", which " + record.name + " appended to key " + std::to_string(event.key) + ", is not in " +
                                       describe(history_.last[event.key]) + "\n    " + describe(record));
      }
    }
  }

  void check_last_of(std::size_t key) {
    const List& list = history_.last[key];
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto writer = writers_.find(list[i]);
      const std::string where = std::to_string(list[i]) + " in the last list of key " + std::to_string(key) + ", " + describe(list) + ",";
      if (writer == writers_.end() || !places_.emplace(list[i], i).second) {
        find(Anomaly::garbage, where + " was appended by nobody or twice");
        continue;
      }
      if (!writer->second.stays) find(Anomaly::dirty_write, where + " was taken back:\n    " + describe(history_.records[writer->second.record]));
      if (i == 0) continue;
      const auto before = writers_.find(list[i - 1]);
      if (before != writers_.end() && before->second.record != writer->second.record) {
        graph_[before->second.record].push_back({writer->second.record, Kind::ww, true, key, list[i]});
      }
    }
  }

  void check_reads(std::size_t number) {
    const Record& record = history_.records[number];
    for (std::size_t i = 0; i < record.events.size(); ++i) {
      const Event& event = record.events[i];
      if (event.kind != Event::Kind::read) continue;
      List own;
      for (std::size_t j = 0; j < i; ++j) {
        const Event& earlier = record.events[j];
        if (earlier.kind == Event::Kind::append && earlier.key == event.key && earlier.undone_at > i) own.push_back(earlier.value);
      }
      List others = event.seen;
      if (own.size() > others.size() || !std::equal(own.rbegin(), own.rend(), others.rbegin())) {
        find(Anomaly::own_write_unseen, record.name + " read " + describe(event.seen) + " of key " + std::to_string(event.key) + " after it had appended " + describe(own) +
                                            "\n    " + describe(record));
        continue;
      }
      // What it has appended and kept was at that place in the end as well.
      const bool kept = std::all_of(own.begin(), own.end(), [this](std::uint64_t value) { return writers_[value].stays; });
      if (!own.empty() && kept && !is_beginning(event.seen, history_.last[event.key])) {
        find(Anomaly::lost_update, record.name + " read " + describe(event.seen) + " of key " + std::to_string(event.key) + ", which is not how " + describe(history_.last[event.key]) + " begins");
      }
      others.resize(others.size() - own.size());
      check_read(number, event.key, others);
    }
  }

  static bool is_beginning(const List& seen, const List& last) { return seen.size() <= last.size() && std::equal(seen.begin(), seen.end(), last.begin()); }

  // `seen`: without what the reader has appended itself.
  void check_read(std::size_t number, std::size_t key, const List& seen) {
    const Record& record = history_.records[number];
    const Isolation level = level_of(record);
    const std::string what = record.name + " read " + describe(seen) + " of key " + std::to_string(key);
    for (const std::uint64_t value : seen) {
      const auto writer = writers_.find(value);
      if (writer == writers_.end()) return find(Anomaly::garbage, what + ", but nobody appended " + std::to_string(value));
      if (writer->second.stays || !by_level(level, Isolation::read_committed)) continue;
      return find(Anomaly::aborted_read, what + ", but " + std::to_string(value) + " was taken back by\n    " + describe(history_.records[writer->second.record]));
    }
    if (!by_level(level, Isolation::read_committed)) return;
    if (!seen.empty() && writers_[seen.back()].intermediate && writers_[seen.back()].record != number) {
      return find(Anomaly::intermediate_read, what + ", to which its writer went on to append\n    " + describe(history_.records[writers_[seen.back()].record]));
    }
    const List& last = history_.last[key];
    if (!is_beginning(seen, last)) {
      return find(Anomaly::lost_update, what + ", which is not how " + describe(last) + " begins");
    }
    if (!seen.empty() && writers_[seen.back()].record != number) graph_[writers_[seen.back()].record].push_back({number, Kind::wr, true, key, seen.back()});
    if (seen.size() == last.size() || !by_level(level, Isolation::repeatable_read)) return;
    const auto next = writers_.find(last[seen.size()]);
    if (next == writers_.end() || next->second.record == number) return;
    graph_[number].push_back({next->second.record, Kind::rw, level == Isolation::serializable, key, last[seen.size()]});
  }

  // A chain of moments, so that the edges are not one for each pair.
  void add_real_time() {
    std::vector<std::size_t> order(history_.records.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return history_.records[a].ended < history_.records[b].ended; });
    const std::size_t first = graph_.size();
    graph_.resize(first + order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      // Who was rolled back may have read what was not durable yet.
      if (history_.records[order[i]].committed) graph_[order[i]].push_back({first + i, Kind::rt});
      if (i > 0) graph_[first + i - 1].push_back({first + i, Kind::rt});
    }
    for (std::size_t i = 0; i < history_.records.size(); ++i) {
      const auto ended_before = std::partition_point(order.begin(), order.end(), [&](std::size_t other) { return history_.records[other].ended < history_.records[i].begun; });
      if (ended_before != order.begin()) graph_[first + static_cast<std::size_t>(ended_before - order.begin()) - 1].push_back({i, Kind::rt});
    }
  }

  template <class Wanted>
  Graph only(Wanted&& wanted) const {
    Graph some(graph_.size());
    for (std::size_t from = 0; from < graph_.size(); ++from) {
      for (const Edge& edge : graph_[from]) {
        if (wanted(edge)) some[from].push_back(edge);
      }
    }
    return some;
  }

  // Node n as reached by rw is n + size.
  Graph without_adjacent_rw() const {
    const std::size_t size = graph_.size();
    Graph twice(2 * size);
    for (std::size_t from = 0; from < size; ++from) {
      for (Edge edge : graph_[from]) {
        if (edge.kind == Kind::rw) {
          edge.to += size;
          twice[from].push_back(edge);
        } else {
          twice[from].push_back(edge);
          twice[from + size].push_back(edge);
        }
      }
    }
    return twice;
  }

  void find_cycle() {
    const auto report = [this](Anomaly anomaly, const Graph& graph) {
      const Cycle cycle = shortest_cycle(graph);
      if (!cycle.edges.empty()) find(anomaly, describe_cycle(cycle));
      return !cycle.edges.empty();
    };
    if (report(Anomaly::write_cycle, only([](const Edge& edge) { return edge.kind == Kind::ww || edge.kind == Kind::rt; }))) return;
    if (report(Anomaly::circular_flow, only([](const Edge& edge) { return edge.kind != Kind::rw; }))) return;
    if (report(Anomaly::read_skew, without_adjacent_rw())) return;
    report(Anomaly::write_skew, only([](const Edge& edge) { return edge.kind != Kind::rw || edge.strict; }));
  }

  std::string describe_cycle(const Cycle& cycle) const {
    std::string text;
    std::vector<std::size_t> involved;
    const auto record_of = [this](std::size_t node) { return node % graph_.size(); };
    for (std::size_t i = 0; i < cycle.edges.size(); ++i) {
      const std::size_t from = record_of(cycle.from[i]);
      const Edge& edge = cycle.edges[i];
      if (from >= history_.records.size()) continue;  // a moment
      involved.push_back(from);
      text += history_.records[from].name + " -" + kind_names[static_cast<std::size_t>(edge.kind)];
      if (edge.kind != Kind::rt) text += " key " + std::to_string(edge.key) + " number " + std::to_string(edge.value);
      text += "-> ";
    }
    text += involved.empty() ? "" : history_.records[involved.front()].name;
    for (const std::size_t record : involved) text += "\n    " + describe(history_.records[record]);
    return text;
  }

  const History& history_;
  const std::optional<Isolation> as_;
  Graph graph_;  // transactions, then moments
  std::map<std::uint64_t, Writer> writers_;
  std::map<std::uint64_t, std::size_t> places_;  // in the last lists
  std::vector<Finding> findings_;
};

}  // namespace

const char* name_of(Anomaly anomaly) noexcept {
  constexpr std::array<const char*, 10> names{"garbage", "own write unseen", "dirty write", "lost update", "aborted read (G1a)", "intermediate read (G1b)",
                                              "write cycle (G0)", "circular information flow (G1c)", "read skew (G-single)", "write skew (G2)"};
  return names[static_cast<std::size_t>(anomaly)];
}

std::vector<Finding> judge(const History& history, std::optional<Isolation> as) { return Judge(history, as).run(); }

std::string describe(const std::vector<Finding>& findings) {
  constexpr std::size_t told_max = 5;
  std::string text;
  for (std::size_t i = 0; i < findings.size() && i < told_max; ++i) text += std::string(name_of(findings[i].anomaly)) + ": " + findings[i].text + "\n";
  if (findings.size() > told_max) text += "and " + std::to_string(findings.size() - told_max) + " more\n";
  return text;
}

std::string describe(const List& list) {
  std::string text;
  for (const std::uint64_t value : list) text += (text.empty() ? "" : " ") + std::to_string(value);
  return "[" + text + "]";
}

std::string describe(const Record& record) {
  std::string text = record.name + (record.committed ? "" : ", rolled back") + ":";
  for (const Event& event : record.events) {
    const std::string key = std::to_string(event.key);
    if (event.kind == Event::Kind::read) {
      text += " r" + key + describe(event.seen);
    } else {
      text += " a" + key + "(" + std::to_string(event.value) + (event.undone_at == never ? ")" : ", undone)");
    }
  }
  return text;
}

}  // namespace quire::test
