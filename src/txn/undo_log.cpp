// UndoLog: appending, reading, truncating, releasing.
//
// Positions count pages of the log from its beginning, so that they can be compared; handles name pages of the file.
// A record is believed only when its lengths add up and lie inside its page.
#include "txn/undo_log.hpp"

#include "base/try.hpp"

namespace quire::txn {

using buffer::Action;
using buffer::OptimisticPage;
using buffer::ReadPage;
using buffer::WritePage;

namespace {

class UndoKind final : public buffer::PageKind {
 public:
  Status check(Bytes page) const override {
    const std::uint32_t end = page::end_offset(undo_field::end.get(page.data()));
    if (end < undo_page_header_bytes || end > page.size()) {
      return Status(Code::corrupt, "an undo page whose records end at byte " + std::to_string(end));
    }
    for (std::uint32_t at = undo_page_header_bytes; at < end;) {
      const std::uint32_t bytes = std::uint32_t{undo_field::eighths.get(page.data() + at)} * 8;
      if (bytes < undo_record_header_bytes || at + bytes > end) {
        return Status(Code::corrupt, "the undo record at byte " + std::to_string(at) + " has " + std::to_string(bytes) + " bytes");
      }
      at += bytes;
    }
    return Status();
  }
};

// False when the record cannot be what it should.
bool copy_record(const std::byte* page, std::uint32_t page_bytes, std::uint32_t offset, UndoCopy& into) {
  if (page::type_of(page) != page::PageType::undo) return false;
  if (offset < undo_page_header_bytes || offset + undo_record_header_bytes > page_bytes) return false;
  const std::byte* p = page + offset;
  UndoRecord& record = into.record;
  const std::uint32_t bytes = std::uint32_t{undo_field::eighths.get(p)} * 8;
  const std::uint32_t key_bytes = undo_field::key_bytes.get(p);
  const std::uint32_t value_bytes = undo_field::value_bytes.get(p);
  if (offset + bytes > page_bytes || value_bytes > page_bytes) return false;
  if (undo_record_bytes(key_bytes, value_bytes) != bytes) return false;
  record.type = static_cast<UndoType>(undo_field::type.get(p));
  record.flags = undo_field::flags.get(p);
  record.tree = TreeId{undo_field::tree.get(p)};
  record.previous = undo_field::previous.get(p);
  record.row_xid_word = undo_field::row_xid_word.get(p);
  record.row_handle = undo_field::row_handle.get(p);
  record.operation = undo_field::operation.get(p);
  into.bytes.assign(as_text(p + undo_record_header_bytes, key_bytes + value_bytes));
  record.key = std::string_view(into.bytes).substr(0, key_bytes);
  record.value = std::string_view(into.bytes).substr(key_bytes);
  return true;
}

}  // namespace

const buffer::PageKind& undo_kind() {
  static const UndoKind kind;
  return kind;
}

Status UndoLog::prepare(std::uint32_t record_bytes, Action::Needs& needs) {
  QUIRE_ASSERT(undo_page_header_bytes + record_bytes <= resources_.pool.page_bytes());
  new_page_ = last_ == no_page || offset_ + record_bytes > resources_.pool.page_bytes();
  if (new_page_) {
    ++needs.create;
    return Status();
  }
  ++needs.dirty;
  for (;;) {
    const OptimisticPage page = resources_.pool.optimistic(last_);
    if (page) {
      version_ = page.version();
      return Status();
    }
    QUIRE_TRY(resources_.pool.await(last_));
  }
}

WritePage UndoLog::open(Action& action) {
  if (!new_page_) return action.write(last_, version_);
  WritePage page = action.create(page::PageType::undo, TreeId{});
  undo_field::previous_page.set(page.data(), last_.raw);
  undo_field::end.set(page.data(), static_cast<std::uint16_t>(undo_page_header_bytes));
  {
    os::Lock lock(mutex_);
    pages_.push_back(page.id());
  }
  last_ = page.id();
  ++end_page_;
  offset_ = undo_page_header_bytes;
  new_page_ = false;
  return page;
}

std::uint64_t UndoLog::append(Action& action, const WritePage& page, Xid xid, const UndoRecord& record) {
  const std::uint32_t bytes = undo_record_bytes(record.key.size(), record.value.size());
  QUIRE_ASSERT(page.id() == last_ && offset_ + bytes <= page.bytes().size());
  action.mark_dirty(page);
  std::byte* p = page.data() + offset_;
  std::memset(p, 0, undo_record_header_bytes);
  undo_field::eighths.set(p, static_cast<std::uint16_t>(bytes / 8));
  undo_field::type.set(p, static_cast<std::uint8_t>(record.type));
  undo_field::flags.set(p, record.flags);
  undo_field::tree.set(p, record.tree.raw);
  undo_field::previous.set(p, record.previous);
  undo_field::row_xid_word.set(p, record.row_xid_word);
  undo_field::row_handle.set(p, record.row_handle);
  undo_field::operation.set(p, record.operation);
  undo_field::key_bytes.set(p, static_cast<std::uint16_t>(record.key.size()));
  undo_field::value_bytes.set(p, static_cast<std::uint32_t>(record.value.size()));
  copy_bytes(p + undo_record_header_bytes, record.key);
  copy_bytes(p + undo_record_header_bytes + record.key.size(), record.value);
  if (offset_ == undo_page_header_bytes) undo_field::first_xid.set(page.data(), xid.raw);
  undo_field::last_xid.set(page.data(), xid.raw);
  page::header::max_xid.set(page.data(), xid.raw);
  const std::uint64_t handle = undo_handle(page.id(), offset_);
  offset_ += bytes;
  undo_field::end.set(page.data(), page::to_offset16(offset_));
  return handle;
}

std::uint64_t UndoLog::page_count() const noexcept {
  os::Lock lock(mutex_);
  return pages_.size();
}

Status UndoLog::truncate(UndoPosition position) {
  while (last_ != no_page && end_page_ > position.page) {
    QUIRE_TRY(buffer::free_page(resources_, last_));
    os::Lock lock(mutex_);
    pages_.pop_back();
    --end_page_;
    last_ = pages_.empty() ? no_page : pages_.back();
    offset_ = resources_.pool.page_bytes();
  }
  if (end_page_ == position.page) offset_ = last_ == no_page ? undo_page_header_bytes : position.offset;
  return Status();
}

Status UndoLog::release(UndoPosition position) {
  for (;;) {
    PageId front;
    {
      os::Lock lock(mutex_);
      released_ = std::max(released_, position);
      if (pages_.empty() || first_page_ + 1 >= position.page) return Status();
      front = pages_.front();
    }
    QUIRE_TRY(buffer::free_page(resources_, front));
    os::Lock lock(mutex_);
    pages_.pop_front();
    ++first_page_;
  }
}

void UndoLog::reuse() noexcept {
  os::Lock lock(mutex_);
  if (!nothing_left() || resources_.table.has_image(last_)) return;
  offset_ = undo_page_header_bytes;
  released_ = end();
}

Status UndoLog::rewind() {
  {
    os::Lock lock(mutex_);
    if (!nothing_left()) return Status();
  }
  if (resources_.table.has_image(last_)) return clear();
  reuse();
  return Status();
}

Status UndoLog::clear() {
  UndoPosition all;
  {
    os::Lock lock(mutex_);
    all.page = first_page_;
  }
  QUIRE_TRY(truncate(all));
  os::Lock lock(mutex_);
  released_ = end();
  return Status();
}

Status UndoLog::read(std::uint64_t handle, UndoCopy& into) const {
  QUIRE_ASSIGN(const ReadPage page, resources_.pool.read(page_of_undo(handle)));
  if (copy_record(page.data(), resources_.pool.page_bytes(), offset_of_undo(handle), into)) return Status();
  return Status(Code::corrupt, "page " + std::to_string(page_of_undo(handle).raw) + " of " + resources_.pool.path() +
                                   " holds no undo record at byte " + std::to_string(offset_of_undo(handle)));
}

UndoRead try_read_undo(buffer::Pool& pool, std::uint64_t handle, UndoCopy& into) {
  const OptimisticPage page = pool.optimistic(page_of_undo(handle));
  if (!page) return UndoRead::absent;
  const bool copied = copy_record(page.data(), pool.page_bytes(), offset_of_undo(handle), into);
  if (!page.valid()) return UndoRead::absent;
  return copied ? UndoRead::done : UndoRead::wrong;
}

}  // namespace quire::txn
