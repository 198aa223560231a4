// Notes: cutting into pages, writing, loading.
//
// A page is filled with records of transactions first and of trees behind them; the order of both is that of the lists, so that
// what is loaded is what was written.
#include "checkpoint/notes.hpp"

#include <algorithm>

#include "base/try.hpp"
#include "checkpoint/layout.hpp"

namespace quire::checkpoint {

namespace {

// What one page holds: ranges of the two lists.
struct Share {
  std::size_t active_begin = 0;
  std::size_t active_end = 0;
  std::size_t counts_begin = 0;
  std::size_t counts_end = 0;
};

std::vector<Share> shares(const Notes& notes, std::uint32_t page_bytes) {
  std::vector<Share> all;
  Share next;
  while (next.active_begin < notes.active.size() || next.counts_begin < notes.counts.size()) {
    std::size_t room = page_bytes - notes_page_header_bytes;
    next.active_end = std::min(notes.active.size(), next.active_begin + room / active_record_bytes);
    room -= (next.active_end - next.active_begin) * active_record_bytes;
    next.counts_end = std::min(notes.counts.size(), next.counts_begin + room / count_record_bytes);
    all.push_back(next);
    next.active_begin = next.active_end;
    next.counts_begin = next.counts_end;
  }
  return all;
}

void encode(const Notes& notes, const Share& share, std::byte* page) {
  notes_field::transactions.set(page, static_cast<std::uint32_t>(share.active_end - share.active_begin));
  notes_field::trees.set(page, static_cast<std::uint32_t>(share.counts_end - share.counts_begin));
  std::byte* record = page + notes_page_header_bytes;
  for (std::size_t i = share.active_begin; i < share.active_end; ++i, record += active_record_bytes) {
    notes_field::xid.set(record, notes.active[i].xid.raw);
    notes_field::undo_head.set(record, notes.active[i].undo_head);
    notes_field::last_operation.set(record, notes.active[i].last_operation);
    notes_field::state.set(record, 1);
  }
  for (std::size_t i = share.counts_begin; i < share.counts_end; ++i, record += count_record_bytes) {
    notes_field::tree.set(record, notes.counts[i].tree.raw);
    notes_field::flags.set(record, notes.counts[i].ghosts ? count_flag::ghosts : 0);
    notes_field::rows.set(record, notes.counts[i].rows);
  }
}

void decode(const std::byte* page, Notes& notes) {
  const std::byte* record = page + notes_page_header_bytes;
  for (std::uint32_t i = 0; i < notes_field::transactions.get(page); ++i, record += active_record_bytes) {
    notes.active.push_back({Xid{notes_field::xid.get(record)}, notes_field::undo_head.get(record), notes_field::last_operation.get(record)});
  }
  for (std::uint32_t i = 0; i < notes_field::trees.get(page); ++i, record += count_record_bytes) {
    notes.counts.push_back({TreeId{notes_field::tree.get(record)}, (notes_field::flags.get(record) & count_flag::ghosts) != 0,
                            notes_field::rows.get(record)});
  }
}

}  // namespace

std::uint64_t notes_pages(const Notes& notes, std::uint32_t page_bytes) { return shares(notes, page_bytes).size(); }

Result<std::vector<space::Entry>> write_notes(space::PageFile& file, const Notes& notes, const std::function<Block()>& allocate,
                                              const space::IoReason& why) {
  const std::vector<Share> pages = shares(notes, file.page_bytes());
  std::vector<space::Entry> entries(pages.size());
  std::vector<std::byte> image(file.page_bytes());
  for (std::size_t i = pages.size(); i-- > 0;) {
    std::fill(image.begin(), image.end(), std::byte{0});
    encode(notes, pages[i], image.data());
    if (i + 1 < pages.size()) space::store_entry(image.data() + notes_field::next_offset, entries[i + 1]);
    entries[i] = space::Entry::make(allocate(), file.page_blocks(), space::EntryKind::page);
    entries[i].checksum = file.checksum(image, notes_page_number + i);
    QUIRE_TRY(file.write(entries[i].block(), image, why, notes_page_number + i));
  }
  return entries;
}

Result<StoredNotes> load_notes(space::PageFile& file, const space::Entry& first, const space::IoReason& why) {
  StoredNotes stored;
  std::vector<std::byte> image(file.page_bytes());
  for (space::Entry entry = first; !entry.free(); entry = space::load_entry(image.data() + notes_field::next_offset)) {
    const std::string name = "notes page " + std::to_string(stored.pages.size());
    QUIRE_TRY(file.read(entry, notes_page_number + stored.pages.size(), name, image, why));
    const std::uint64_t bytes = std::uint64_t{notes_field::transactions.get(image.data())} * active_record_bytes +
                                std::uint64_t{notes_field::trees.get(image.data())} * count_record_bytes;
    // A page that holds nothing is none; so a chain cannot go on for ever.
    if (bytes == 0 || notes_page_header_bytes + bytes > image.size()) {
      return Status(Code::corrupt, name + " of " + file.path() + " at block " + std::to_string(entry.block().raw) + " lists " +
                                       std::to_string(notes_field::transactions.get(image.data())) + " transactions and " +
                                       std::to_string(notes_field::trees.get(image.data())) + " trees");
    }
    for (const space::Entry& seen : stored.pages) {
      if (seen.block() == entry.block()) return Status(Code::corrupt, "the notes pages of " + file.path() + " lead in a circle at block " + std::to_string(entry.block().raw));
    }
    decode(image.data(), stored.notes);
    stored.pages.push_back(entry);
  }
  return stored;
}

}  // namespace quire::checkpoint
