// An explicit schedule of two epochs in one thread: at the hooks of a checkpoint and of an eviction, between any two
// of their steps, random changes, evictions and reads happen, as other threads would make them.
//
//   Schedule schedule(store, random, texts);
//   for (...) schedule.step();
//   Status status = schedule.publish();     // published: schedule.flipped
//
// Threads   one
#pragma once

#include <functional>
#include <set>

#include "buffer/dirty_word.hpp"
#include "checkpoint/test_checkpoint.hpp"
#include "os/hook.hpp"

namespace quire::checkpoint {

// What a checkpoint says.
struct Version {
  Texts texts;
  std::vector<ActiveTransaction> active;
  friend bool operator==(const Version&, const Version&) = default;

  // Nothing else, and nothing less but undo pages that no transaction needs (CK-9).
  bool is_in(const Found& found) const {
    std::size_t missing = 0;
    for (const auto& [id, text] : texts) {
      const auto there = found.texts.find(id);
      if (there != found.texts.end() ? there->second != text : !is_undo(text) || !active.empty()) return false;
      if (there == found.texts.end()) ++missing;
    }
    return found.texts.size() + missing == texts.size();
  }
};

class Schedule {
 public:
  Schedule(Store& store, Random& random, Texts& texts) : store_(store), random_(random), texts_(texts) {
    os::set_hook_handler(&Schedule::handle, this);
  }
  ~Schedule() { os::set_hook_handler(nullptr, nullptr); }
  Schedule(const Schedule&) = delete;
  Schedule& operator=(const Schedule&) = delete;

  // One change, eviction or read.
  void step() {
    const std::uint64_t choice = random_.below(20);
    if (choice < 6 || texts_.size() < 6) {
      add();
    } else if (choice < 11) {
      change();
    } else if (choice < 13) {
      free();
    } else if (choice < 16) {
      std::vector<PageId> ids;
      for (std::uint64_t n = 1 + random_.below(4); n > 0; --n) ids.push_back(PageId{some()});
      check(store_.pages.pool.write_out(ids).ok(), "an eviction fails");
    } else {
      read();
    }
  }

  // A checkpoint with steps in between, in slices or not; some transactions are active in it.
  Status publish() {
    store_.active.clear();
    for (std::uint64_t n = random_.below(3); n > 0; --n) store_.active.push_back({Xid{random_.below(100) + 1}, random_.next(), 7});
    const std::uint64_t slice_bytes = random_.chance(1, 2) ? UINT64_MAX : (1 + random_.below(4)) * store_.pages.space.file.page_bytes();
    const auto at_flip = [&] {
      flipped = {texts_, store_.active};
      if (on_flip) on_flip(store_.checkpoint.published().generation.raw + 1);
      return store_.state();
    };
    return store_.checkpoint.publish(at_flip, {.slice_bytes = slice_bytes, .between = [this] { ++slices; }});
  }

  Version flipped;
  std::function<void(std::uint64_t generation)> on_flip;
  bool after_roots = true;    // also between writing the roots and the end
  std::uint64_t steps_in_between = 0;
  std::uint64_t slices = 0;   // that were synced before the end of a checkpoint
  std::uint64_t refused = 0;  // changes refused because the disk was full
  std::string failure;        // the first

 private:
  static Status handle(std::string_view name, void* context) {
    static_cast<Schedule*>(context)->at(name);
    return Status();
  }

  void at(std::string_view name) {
    // Not inside of an action that has begun, and with frames left: what is in flight waits for this very thread.
    if (depth_ == 2 || buffer::latches_held != 0 || in_flight() > 6) return;
    const bool early = name == "checkpoint.after_flip" || name == "checkpoint.before_page" || name == "checkpoint.before_roots" ||
                       name == "checkpoint.end_of_slice" || name == "pool.before_write";
    if (!early && !after_roots) return;
    ++depth_;
    for (std::uint64_t n = random_.below(4); n > 0; --n) {
      step();
      ++steps_in_between;
    }
    --depth_;
  }

  std::uint64_t in_flight() {
    std::uint64_t pages = 0;
    for (std::uint64_t n = 1; n < store_.pages.space.table.next_page().raw; ++n) {
      const std::uint32_t word = store_.pages.space.table.find(PageId{n})->dirty.load(relaxed);
      if ((word & buffer::dirty::in_flight) != 0) ++pages;
    }
    return pages;
  }

  // Not one that an interrupted step is at.
  std::uint64_t some() {
    for (;;) {
      const std::uint64_t id = std::next(texts_.begin(), static_cast<std::ptrdiff_t>(random_.below(texts_.size())))->first;
      if (at_work_.count(id) == 0) return id;
    }
  }

  void add() {
    std::string text(random_.below(300), static_cast<char>('a' + random_.below(26)));
    const bool undo = random_.chance(1, 4);
    if (undo) text.insert(text.begin(), undo_mark);
    const Result<PageId> id = store_.pages.try_add(text, undo ? page::PageType::undo : page::PageType::leaf);
    if (!id.ok()) return refuse(id.status());
    check(texts_.emplace(id->raw, text).second, "a number given twice");
  }
  void change() {
    const std::uint64_t id = some();
    std::string text(random_.below(300), static_cast<char>('A' + random_.below(26)));
    if (is_undo(texts_[id])) text.insert(text.begin(), undo_mark);
    at_work_.insert(id);
    const Status status = store_.pages.change(PageId{id}, text);
    at_work_.erase(id);
    if (!status.ok()) return refuse(status);
    texts_[id] = text;
  }
  void free() {
    const std::uint64_t id = some();
    // Taken out first: when the number is free a step in between may get it.
    auto taken = texts_.extract(id);
    const Status status = buffer::free_page(store_.pages.resources, PageId{id});
    if (status.ok()) return;
    refuse(status);
    texts_.insert(std::move(taken));
  }
  void read() {
    const std::uint64_t id = some();
    at_work_.insert(id);
    check(store_.pages.text(PageId{id}) == texts_[id], "page " + std::to_string(id) + " is not what it was");
    at_work_.erase(id);
  }

  void refuse(const Status& status) {
    ++refused;
    check(status.code() == Code::full, status.to_string());
  }
  void check(bool holds, const std::string& what) {
    if (!holds && failure.empty()) failure = what;
  }

  Store& store_;
  Random& random_;
  Texts& texts_;
  std::set<std::uint64_t> at_work_;
  int depth_ = 0;
};

}  // namespace quire::checkpoint
