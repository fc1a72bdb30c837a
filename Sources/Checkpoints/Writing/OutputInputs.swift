import Base

/// What an output is made from.
package struct OutputInputs: Sendable, ExpressibleByArrayLiteral {
  /// Paths that must not be the output, nor any link to it.
  let paths: [String]
  /// Asked before the output takes its place: whether what was read is still what it was.
  let check: @Sendable () throws(FileError) -> Void

  /// - Parameters:
  ///   - paths: what the output must not replace.
  ///   - check: throws where something that was read is no longer what it was.
  package init(
    _ paths: [String],
    check: @escaping @Sendable () throws(FileError) -> Void = { () throws(FileError) in }
  ) {
    self.paths = paths
    self.check = check
  }

  package init(arrayLiteral paths: String...) { self.init(paths) }
}
