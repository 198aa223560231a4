// Suggestions: see suggest.hpp.
#include "tools/suggest.hpp"

#include <algorithm>
#include <cctype>

namespace quire::tools {

namespace {

std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Names further away than this share of their letters are not what was meant.
std::size_t distance_max(std::string_view name) { return name.size() <= 2 ? 1 : name.size() <= 5 ? 2 : name.size() / 3 + 1; }

}  // namespace

std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> before(right.size() + 1);
  std::vector<std::size_t> previous(right.size() + 1);
  std::vector<std::size_t> current(right.size() + 1);
  for (std::size_t j = 0; j <= right.size(); ++j) previous[j] = j;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t replaced = previous[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    before.swap(previous);
    previous.swap(current);
  }
  return previous[right.size()];
}

std::vector<std::string> similar_names(std::string_view name, const std::vector<std::string>& known) {
  const std::string wanted = folded(name).substr(0, 64);
  std::vector<std::pair<std::size_t, std::string>> found;
  for (const std::string& candidate : known) {
    const std::string other = folded(candidate).substr(0, 64);
    const bool begins = wanted.size() >= 2 && (other.starts_with(wanted) || wanted.starts_with(other)) && !other.empty();
    const std::size_t distance = begins ? 1 : edit_distance(wanted, other);
    if (distance <= distance_max(wanted) && distance < std::max(wanted.size(), other.size())) found.emplace_back(distance, candidate);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (std::size_t i = 0; i < found.size() && i < 3 && found[i].first == found[0].first; ++i) names.push_back(found[i].second);
  return names;
}

std::string suggestion(std::string_view name, const std::vector<std::string>& known) {
  const std::vector<std::string> names = similar_names(name, known);
  if (names.empty()) return {};
  std::string text = "; did you mean " + names[0];
  for (std::size_t i = 1; i < names.size(); ++i) text += (i + 1 == names.size() ? " or " : ", ") + names[i];
  return text + "?";
}

}  // namespace quire::tools
