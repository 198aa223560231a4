// Device profile: drawing one from a seed, and saying it in words.
#include "os/sim/device_profile.hpp"

#include "base/random.hpp"

namespace quire::os {

DeviceProfile DeviceProfile::draw(std::uint64_t seed) {
  Random random(seed);
  DeviceProfile profile;
  profile.sector_bytes = random.chance(1, 2) ? 512 : 4096;
  profile.ordered = random.chance(1, 4);
  profile.tearing = random.chance(1, 4) ? Tearing::written_bytes : Tearing::never;
  profile.directory = static_cast<DirectoryDurability>(random.below(3));
  profile.failed_sync = static_cast<FailedSync>(random.below(3));
  return profile;
}

std::string DeviceProfile::to_string() const {
  constexpr const char* tearing_names[] = {"never torn", "written bytes torn", "whole sectors torn"};
  constexpr const char* directory_names[] = {"strict names", "journaled names", "any names"};
  constexpr const char* failure_names[] = {"failed sync drops", "failed sync is late", "failed sync reverts"};
  return "sector " + std::to_string(sector_bytes) + (ordered ? ", ordered, " : ", unordered, ") +
         tearing_names[static_cast<int>(tearing)] + ", " + directory_names[static_cast<int>(directory)] + ", " +
         failure_names[static_cast<int>(failed_sync)];
}

}  // namespace quire::os
