import Checkpoints
import Foundation
import Synchronization

/// SHA-256 of files as `SourceHash` gives it, computed once, beside other work where it is begun
/// early enough.
package final class SourceDigest: Sendable {
  private let files: [MappedFile]
  private let isBegun = Mutex(false)
  private let result = Mutex("")
  private nonisolated(unsafe) let finished = DispatchGroup()

  package init(_ files: [MappedFile]) { self.files = files }

  /// Begins on a thread of its own, unless that was done before.
  package func begin() {
    let isFirst = isBegun.withLock { begun in
      if begun { return false }
      begun = true
      finished.enter()
      return true
    }
    guard isFirst else { return }
    Thread.detachNewThread { [self] in
      let digest = SourceHash.sha256(files)
      result.withLock { $0 = digest }
      finished.leave()
    }
  }

  /// The digest in hexadecimal, waited for where it is not complete.
  package func value() -> String {
    begin()
    finished.wait()
    return result.withLock { $0 }
  }

  /// What stands for the digest while it is not known: as many characters.
  package static let placeholder = String(repeating: "0", count: 64)
}
