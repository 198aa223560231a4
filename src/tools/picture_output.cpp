// Picture output: see picture_output.hpp.
//
// Programs are started without a shell and get the picture on their standard input, so no name of a file or a keyspace
// is ever part of a command.
#include "tools/picture_output.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "base/try.hpp"
#include "os/program.hpp"

namespace quire::tools {

namespace {

constexpr std::pair<std::string_view, PictureFormat> format_names[] = {
    {"text", PictureFormat::text}, {"dot", PictureFormat::dot}, {"svg", PictureFormat::svg}, {"json", PictureFormat::json}, {"png", PictureFormat::png},
};

Result<std::string> convert(const std::vector<std::string>& words, const std::string& input) {
  QUIRE_ASSIGN(os::ProgramResult result, os::run_program(words, input));
  if (result.exit_code == 0 && !result.output.empty()) return std::move(result.output);
  const std::string reason = result.errors.substr(0, result.errors.find('\n'));
  return Status(Code::io, fmt::format("{} made no picture (exit code {}){}{}", words[0], result.exit_code, reason.empty() ? "" : ": ", reason));
}

Result<std::string> png_of(const PictureForms& forms) {
  Result<std::string> png = convert({"rsvg-convert", "--format=png", "--zoom=2", "--unlimited"}, forms.svg());
  if (png != Code::not_found) return png;
  if (forms.dot) {
    png = convert({"dot", "-Tpng"}, forms.dot());
    if (png != Code::not_found) return png;
  }
  return Status(Code::not_found, fmt::format("png needs the program rsvg-convert (Debian package librsvg2-bin){} in PATH; --svg works without",
                                             forms.dot ? " or dot (package graphviz)" : ""));
}

Result<std::string> content_of(const PictureForms& forms, PictureFormat format) {
  switch (format) {
    case PictureFormat::text: return forms.text();
    case PictureFormat::svg: return forms.svg();
    case PictureFormat::json: return to_line(forms.json()) + "\n";
    case PictureFormat::png: return png_of(forms);
    case PictureFormat::dot: return forms.dot ? Result<std::string>(forms.dot()) : Status(Code::unsupported, "there is no dot form of this picture");
  }
  return Status(Code::invalid, "no such format");
}

}  // namespace

std::optional<PictureFormat> picture_format(std::string_view name) {
  for (const auto& [known, format] : format_names) {
    if (known == name) return format;
  }
  return std::nullopt;
}

Status print_picture(Printer& printer, const PictureForms& forms, const PictureTarget& target) {
  if (target.file.empty() && target.format == PictureFormat::png && printer.form() != Form::raw) {
    return Status(Code::invalid, "a png picture is no text; name a file for it with -o");
  }
  QUIRE_ASSIGN(const std::string content, content_of(forms, target.format));
  if (target.file.empty()) {
    if (!printer.json() || target.format == PictureFormat::json) {
      printer.text(content);
    } else {
      printer.document({{"text", content}});
    }
    return {};
  }
  QUIRE_TRY(write_file(target.file, content));
  printer.done(": " + target.file);
  return {};
}

Status write_file(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".part";
  std::error_code error;
  // What is no regular file, such as /dev/stdout, is written directly.
  const bool special = std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error);
  std::ofstream file(special ? path : temporary, std::ios::binary | std::ios::trunc);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file.good()) {
    if (!special) std::filesystem::remove(temporary, error);
    return Status(Code::io, fmt::format("'{}' cannot be written", path));
  }
  if (special) return {};
  std::filesystem::rename(temporary, path, error);
  if (!error) return {};
  const std::string reason = error.message();
  std::filesystem::remove(temporary, error);
  return Status(Code::io, fmt::format("'{}' cannot be written: {}", path, reason));
}

}  // namespace quire::tools
