// Verification: one recursive walk with the bounds that the parents promise.
//
// Nodes of a level come in key order, so remembering the right link of the latest node of each level is enough to check
// all links. Pages are copied first: no latch is held while children are visited.
#include "btree/verify.hpp"

#include "base/try.hpp"
#include "overflow/overflow.hpp"

namespace quire::btree {

namespace {

using buffer::ReadPage;

struct Bounds {
  std::string lower;
  std::optional<std::string> upper;
};

class Surveyor {
 public:
  Surveyor(const Tree& tree, const SurveyOptions& options) : tree_(tree), options_(options) {}

  Result<Survey> run() {
    QUIRE_TRY(node(tree_.root(), {{}, std::nullopt}, std::nullopt));
    for (const PageId open_link : right_link_) {
      if (open_link != no_page) return Status(Code::corrupt, "the last node of a level links to page " + std::to_string(open_link.raw));
    }
    survey_.height = static_cast<std::uint32_t>(survey_.pages_per_level.size());
    return survey_;
  }

 private:
  Status damage(PageId id, const std::string& what) const {
    return Status(Code::corrupt, "page " + std::to_string(id.raw) + " of tree " + std::to_string(tree_.id().raw) + ": " + what);
  }

  Status node(PageId id, const Bounds& bounds, std::optional<std::uint32_t> level) {
    std::vector<std::byte> copy(tree_.pool().page_bytes());
    {
      QUIRE_ASSIGN(ReadPage page, tree_.pool().read(id));
      std::memcpy(copy.data(), page.data(), copy.size());
    }
    const NodeView view(copy.data(), tree_.pool().page_bytes());
    if (!view.is_node()) return damage(id, "is no node, but is referred to as one");
    if (page::tree_of(copy.data()) != tree_.id()) {
      return damage(id, "belongs to tree " + std::to_string(page::tree_of(copy.data()).raw));
    }
    if (level && view.level() != *level) {
      return damage(id, "has level " + std::to_string(view.level()) + ", " + std::to_string(*level) + " expected");
    }
    Status own = view.check();
    if (!own.ok()) return damage(id, std::string(own.message()));
    if (view.lower_fence() != bounds.lower || view.upper_fence() != bounds.upper) {
      return damage(id, "its fences are not the separators of its parent");
    }
    QUIRE_TRY(link(id, view));
    if (options_.page) QUIRE_TRY(options_.page(id));
    return view.leaf() ? leaf(view) : inner(id, view, bounds);
  }

  // Nodes of a level come in order: the one before must have named this one.
  Status link(PageId id, const NodeView& view) {
    if (survey_.pages_per_level.size() <= view.level()) {
      survey_.pages_per_level.resize(view.level() + 1);
      right_link_.resize(view.level() + 1, no_page);
    }
    if (survey_.pages_per_level[view.level()]++ > 0 && right_link_[view.level()] != id) {
      return damage(id, "its left neighbour links to page " + std::to_string(right_link_[view.level()].raw));
    }
    right_link_[view.level()] = view.right_sibling();
    return Status();
  }

  Status leaf(const NodeView& view) {
    ++survey_.leaf_pages;
    survey_.leaf_fill_sum += view.fill();
    survey_.rows += view.count() - view.ghosts();
    survey_.ghosts += view.ghosts();
    ++survey_.leaf_fill_histogram[fill_step(view.fill())];
    survey_.leaf_rows.add(view.count() - view.ghosts());
    for (std::uint32_t i = 0; i < view.count(); ++i) {
      const std::size_t key_bytes = view.prefix().size() + view.suffix(i).size();
      survey_.key_bytes += key_bytes;
      survey_.key_lengths.add(key_bytes);
      const ValueAt value = view.value(i);
      if (!value.overflow) {
        survey_.value_bytes += value.bytes.size();
        survey_.value_lengths.add(value.bytes.size());
        continue;
      }
      QUIRE_TRY(large_value(value));
    }
    return Status();
  }

  Status large_value(const ValueAt& value) {
    if (value.bytes.size() != overflow::stub_bytes) return Status(Code::corrupt, "an overflow stub of a wrong length");
    const overflow::Stub stub = overflow::load_stub(value.bytes);
    survey_.value_bytes += stub.length;
    survey_.value_lengths.add(stub.length);
    QUIRE_TRY(overflow::visit(tree_.pool(), stub, [&](PageId id) {
      ++survey_.overflow_pages;
      return options_.page ? options_.page(id) : Status();
    }));
    if (!options_.read_large_values) return Status();
    std::string content;
    return overflow::read(tree_.pool(), stub, content);
  }

  Status inner(PageId id, const NodeView& view, const Bounds& bounds) {
    ++survey_.inner_pages;
    survey_.inner_fill_sum += view.fill();
    Bounds child = bounds;
    for (std::uint32_t i = 0; i <= view.count(); ++i) {
      child.upper = i < view.count() ? std::optional<std::string>(view.key(i)) : bounds.upper;
      if (view.child(i) == no_page) return damage(id, "child " + std::to_string(i) + " is missing");
      QUIRE_TRY(node(view.child(i), child, view.level() - 1));
      child.lower = child.upper.value_or(std::string());
    }
    return Status();
  }

  const Tree& tree_;
  const SurveyOptions& options_;
  Survey survey_;
  std::vector<PageId> right_link_;  // per level: what the latest node there names as its neighbour
};

}  // namespace

Result<Survey> survey(const Tree& tree, const SurveyOptions& options) { return Surveyor(tree, options).run(); }

TreeStatistics statistics_of(const Survey& survey) {
  const auto mean = [](double sum, std::uint64_t count) { return count == 0 ? 0 : sum / static_cast<double>(count); };
  TreeStatistics s;
  s.height = survey.height;
  s.rows = survey.rows;
  s.inner_pages = survey.inner_pages;
  s.leaf_pages = survey.leaf_pages;
  s.overflow_pages = survey.overflow_pages;
  s.key_bytes = survey.key_bytes;
  s.value_bytes = survey.value_bytes;
  s.inner_fill = mean(survey.inner_fill_sum, survey.inner_pages);
  s.leaf_fill = mean(survey.leaf_fill_sum, survey.leaf_pages);
  s.pages_per_level.assign(survey.pages_per_level.rbegin(), survey.pages_per_level.rend());
  s.leaf_fill_histogram = survey.leaf_fill_histogram;
  s.key_lengths = survey.key_lengths.spread();
  s.value_lengths = survey.value_lengths.spread();
  s.leaf_rows = survey.leaf_rows.spread();
  return s;
}

}  // namespace quire::btree
