#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Paths as text. A slash is found by its byte: a combining mark may follow it in a name.
package enum Paths {
  private static let slash = UInt8(ascii: "/")

  /// The folder of a path: "." for a plain name.
  package static func folder(of path: String) -> String {
    let trimmed = withoutTrailingSlashes(path)
    guard let index = trimmed.utf8.lastIndex(of: slash) else { return "." }
    return index == trimmed.startIndex ? "/" : String(trimmed[..<index])
  }

  /// The last component of a path.
  package static func name(of path: String) -> String {
    let trimmed = withoutTrailingSlashes(path)
    guard let index = trimmed.utf8.lastIndex(of: slash) else { return trimmed }
    return String(trimmed[trimmed.utf8.index(after: index)...])
  }

  /// Whether a text can be the name of a file in a folder: not empty, no `.` and `..`, no slash and
  /// no zero byte. Its length is not looked at.
  package static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.utf8.contains { $0 == slash || $0 == 0 }
  }

  /// A path without links, whose last name need not be there.
  package static func resolved(_ path: String, links: Int = 40) -> String {
    if [".", ".."].contains(name(of: path)), let whole = realpath(path, nil) {
      defer { free(whole) }
      return String(cString: whole)
    }
    let folder = realpath(Self.folder(of: path), nil)
    defer { free(folder) }
    guard let folder else { return path }
    let joined = String(cString: folder) + "/" + name(of: path)
    var target = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = readlink(joined, &target, Int(PATH_MAX))
    guard count > 0, links > 0 else { return joined }
    let next = String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return resolved(
      next.utf8.first == slash ? next : String(cString: folder) + "/" + next, links: links - 1)
  }

  package static func withoutTrailingSlashes(_ path: String) -> String {
    var trimmed = path.utf8[...]
    while trimmed.count > 1, trimmed.last == slash { trimmed.removeLast() }
    return String(Substring(trimmed))
  }
}
