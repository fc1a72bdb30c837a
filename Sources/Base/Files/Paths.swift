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

  /// Links that are followed on the way to a file, at most, as the system follows them.
  private static let mostLinks = 40

  /// A path from the root without links, `.` and `..`, of which any part may not be there yet.
  package static func resolved(_ path: String) -> String {
    func parts(_ path: String) -> [String] {
      path.utf8.split(separator: slash).map { String(Substring($0)) }
    }
    var found = path.utf8.first == slash ? [] : parts(currentFolder())
    var rest = Array(parts(path).reversed())
    var links = mostLinks
    while let part = rest.popLast() {
      if part == "." { continue }
      if part == ".." {
        _ = found.popLast()
        continue
      }
      found.append(part)
      guard links > 0, let target = link(at: "/" + found.joined(separator: "/")) else { continue }
      links -= 1
      if target.utf8.first == slash { found = [] } else { found.removeLast() }
      rest += parts(target).reversed()
    }
    return "/" + found.joined(separator: "/")
  }

  /// Where the link at a path leads, as it is written; nil where no link stands.
  package static func link(at path: String) -> String? {
    let size = Int(PATH_MAX)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { buffer in
      guard let start = buffer.baseAddress else { return nil }
      let count = readlink(path, start, size)
      guard count > 0 else { return nil }
      return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  /// The folder that plain names stand in; the root where it was removed.
  private static func currentFolder() -> String {
    guard let path = getcwd(nil, 0) else { return "/" }
    defer { free(path) }
    return String(cString: path)
  }

  package static func withoutTrailingSlashes(_ path: String) -> String {
    var trimmed = path.utf8[...]
    while trimmed.count > 1, trimmed.last == slash { trimmed.removeLast() }
    return String(Substring(trimmed))
  }
}
