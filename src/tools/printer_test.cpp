// Printer and RowTable: what each form says, and how tables fit a terminal.
#include "tools/printer.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "tools/outcome.hpp"
#include "tools/row_table.hpp"

namespace quire::tools {
namespace {

struct Streams {
  std::ostringstream out;
  std::ostringstream error;
};

TEST(printer, says_done_in_each_form) {
  for (const auto& [form, text] : {std::pair(Form::pretty, "ok\n"), {Form::raw, ""}, {Form::json, "{\"ok\":true}\n"}}) {
    Streams streams;
    Printer printer(form, streams.out, streams.error);
    printer.done();
    EXPECT_TRUE(printer.flush().ok());
    EXPECT_EQ(streams.out.str(), text);
  }
}

TEST(printer, puts_errors_on_one_line) {
  Streams streams;
  Printer raw(Form::raw, streams.out, streams.error);
  raw.error(Status(Code::corrupt, "page 7\nis bad"));
  raw.error(Status(Code::busy));
  EXPECT_EQ(streams.error.str(), "error: page 7 is bad\nerror: busy\n");
  Printer json(Form::json, streams.out, streams.error);
  json.error(Status(Code::corrupt, "page 7"));
  EXPECT_TRUE(json.flush().ok());
  EXPECT_EQ(streams.out.str(), "{\"error\":{\"code\":\"corrupt\",\"message\":\"page 7\"}}\n");
}

TEST(printer, tells_when_the_output_is_gone) {
  Streams streams;
  Printer printer(Form::raw, streams.out, streams.error);
  streams.out.setstate(std::ios::badbit);
  printer.line("x");
  EXPECT_EQ(printer.flush().code(), Code::io);
  EXPECT_TRUE(printer.failed());
}

TEST(row_table, aligns_numbers_right_and_text_left) {
  Streams streams;
  Printer printer(Form::pretty, streams.out, streams.error, 80);
  RowTable table(printer, {"name", "rows"});
  table.add({{"Lòria", false}, {"5", true}});
  table.add({{"東京", false}, {"1200", true}});
  table.finish();
  EXPECT_TRUE(printer.flush().ok());
  EXPECT_EQ(streams.out.str(), "name   rows\n-----  ----\nLòria     5\n東京   1200\n");
}

TEST(row_table, narrows_the_widest_column_to_the_terminal) {
  Streams streams;
  Printer printer(Form::pretty, streams.out, streams.error, 20);
  RowTable table(printer, {"key", "value"});
  table.add({{"k1", false}, {std::string(100, 'v'), false}});
  table.finish();
  EXPECT_TRUE(printer.flush().ok());
  EXPECT_EQ(streams.out.str(), "key  value\n---  ---------------\nk1   vvvvvvvvvvvvvv…\n");
}

TEST(row_table, prints_nothing_without_rows) {
  Streams streams;
  Printer printer(Form::pretty, streams.out, streams.error);
  RowTable(printer, {"a"}).finish();
  EXPECT_TRUE(printer.flush().ok());
  EXPECT_EQ(streams.out.str(), "");
}

TEST(outcome, maps_codes_to_exit_codes) {
  EXPECT_EQ(exit_code(Status()), Exit::ok);
  EXPECT_EQ(exit_code(Status(Code::not_found)), Exit::failed);
  EXPECT_EQ(exit_code(Status(Code::corrupt)), Exit::damaged);
  EXPECT_EQ(exit_code(Status(Code::unsupported)), Exit::damaged);
  EXPECT_EQ(exit_code(Status(Code::unclean)), Exit::damaged);
  EXPECT_EQ(exit_code(Status(Code::busy)), Exit::busy);
  EXPECT_EQ(exit_code(Outcome::wrong_usage("x")), Exit::usage);
}

}  // namespace
}  // namespace quire::tools
