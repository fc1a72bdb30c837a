import Base
import Checkpoints
import Crypto
import Foundation
import Synchronization

/// A digest in hexadecimal, computed once, beside other work where it is begun early enough.
package final class SourceDigest: Sendable {
  private let compute: @Sendable () -> String
  private let isBegun = Mutex(false)
  private let result = Mutex("")
  private let finished = DispatchGroup()

  private init(_ compute: @escaping @Sendable () -> String) { self.compute = compute }

  /// SHA-256 of files as `SourceHash` gives it.
  package convenience init(_ files: [MappedFile]) {
    self.init { SourceHash.sha256(files) }
  }

  /// SHA-256 of all files of a model, its config.json included: of a single file its own, else of
  /// the files' digests.
  package convenience init(_ checkpoint: Checkpoint, memory: DigestMemory = .standard) {
    self.init { [files = checkpoint.files, companions = checkpoint.companions] in
      // A safetensors file's sizes and scalars are told by config.json alone.
      let configuration = try? companions?.open("config.json")
      let all = files + [configuration].compactMap { $0 }
      let digests = Mutex([Data](repeating: Data(), count: all.count))
      DispatchQueue.concurrentPerform(iterations: all.count) { index in
        let digest = memory.digest(of: all[index])
        digests.withLock { $0[index] = digest }
      }
      let found = digests.withLock { $0 }
      return SourceHash.hexadecimal(
        found.count == 1 ? found[0] : Data(SHA256.hash(data: found.reduce(Data(), +))))
    }
  }

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
      let digest = compute()
      result.withLock { $0 = digest }
      finished.leave()
    }
  }

  /// The digest, waited for where it is not complete.
  package func value() -> String {
    begin()
    finished.wait()
    return result.withLock { $0 }
  }

  /// What stands for the digest while it is not known: as many characters.
  package static let placeholder = String(repeating: "0", count: 64)
}
