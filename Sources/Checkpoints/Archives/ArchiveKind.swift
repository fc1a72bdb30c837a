import Base

/// The kinds of archives that models are read from and written to, told apart by their names.
package enum ArchiveKind: String, Sendable, CaseIterable {
  case tarZstandard = ".tar.zst"
  case tarGzip = ".tar.gz"
  case tar = ".tar"
  case zip = ".zip"

  private static let endings: [(String, ArchiveKind)] =
    allCases.map { ($0.rawValue, $0) } + [(".tgz", .tarGzip)]

  /// The kind that a path's ending names; nil if it names none.
  package init?(path: String) {
    guard let kind = Self.split(path)?.kind else { return nil }
    self = kind
  }

  /// The name of a path without the ending that names an archive, and that ending.
  package static func split(_ path: String) -> (stem: String, ending: String, kind: ArchiveKind)? {
    let name = Paths.name(of: path)
    for (ending, kind) in endings where name.lowercased().hasSuffix(ending) {
      let stem = String(name.dropLast(ending.count))
      return stem.isEmpty ? nil : (stem, String(name.suffix(ending.count)), kind)
    }
    return nil
  }
}

/// What an archive may ask of a reader.
enum ArchiveLimits {
  /// Members, folders among them.
  static let members = 100_000
  /// Unpacked bytes for each packed one: weights shrink to a tenth at best, a zip bomb's zeros to a
  /// thousandth.
  static let expansion = 250
  /// Unpacked bytes that any archive may have.
  static let smallExpansion = 64 << 20
  /// Unpacked bytes that an archive of a size may have.
  static func unpacked(from packed: Int) -> Int {
    let (product, overflow) = packed.multipliedReportingOverflow(by: expansion)
    return overflow ? .max : max(product, smallExpansion)
  }
  /// Bytes of a manifest.
  static let manifest = 64 << 20
}
