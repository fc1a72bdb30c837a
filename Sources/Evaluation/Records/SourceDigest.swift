import Base
import Checkpoints
import Crypto
import Foundation
import Synchronization

/// A model's digest in hexadecimal, computed once, beside other work where it is begun early enough.
package final class SourceDigest: Sendable {
  /// SHA-256 of all files of a model, and of its weights alone.
  private struct Digests {
    var model = ""
    var weights = ""
  }

  private let compute: @Sendable () throws(FileError) -> Digests
  private let isBegun = Mutex(false)
  private let result = Mutex(Result<Digests, FileError>.success(Digests()))
  private let finished = DispatchGroup()
  /// Whether it is of more than the weights: of config.json, which tells sizes and scalars.
  package let coversConfiguration: Bool

  /// SHA-256 of all files of a model, its config.json included: of a single file its own, else of
  /// the files' digests.
  /// - Throws: what opening config.json throws: a digest without it would be another model's.
  package init(_ checkpoint: Checkpoint, memory: DigestMemory = .standard) throws(FileError) {
    coversConfiguration = checkpoint.companions != nil && checkpoint.configuration != nil
    // A safetensors file's sizes and scalars are told by config.json alone.
    let configuration =
      coversConfiguration ? try checkpoint.companions?.open(ModelFolder.configuration) : nil
    compute = { [files = checkpoint.files] () throws(FileError) -> Digests in
      let all = files + [configuration].compactMap { $0 }
      let digests = Mutex(
        [Result<Data, FileError>](repeating: .success(Data()), count: all.count))
      DispatchQueue.concurrentPerform(iterations: all.count) { index in
        let digest = Result { () throws(FileError) -> Data in
          try memory.digest(of: all[index])
        }
        digests.withLock { $0[index] = digest }
      }
      let found = try digests.withLock { $0 }.map {
        (digest) throws(FileError) -> Data in try digest.get()
      }
      return Digests(
        model: Self.joined(found), weights: Self.joined(Array(found.prefix(files.count))))
    }
  }

  /// Of one file its own digest, of several that of their digests one after another.
  private static func joined(_ digests: [Data]) -> String {
    SourceHash.hexadecimal(
      digests.count == 1 ? digests[0] : Data(SHA256.hash(data: digests.reduce(Data(), +))))
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
      let found = Result { () throws(FileError) -> Digests in try compute() }
      result.withLock { $0 = found }
      finished.leave()
    }
  }

  /// The digest, waited for where it is not complete.
  /// - Throws: `ArchiveFault` (`memberChecksum`, `differsFromManifest`) for bytes that are not what the
  ///   archive they lie in states.
  package func value() throws(FileError) -> String { try digests().model }

  /// That of the files with tensors alone, in their order.
  /// - Throws: what `value` throws.
  package func ofWeights() throws(FileError) -> String { try digests().weights }

  private func digests() throws(FileError) -> Digests {
    begin()
    finished.wait()
    return try result.withLock { $0 }.get()
  }

  /// What stands for the digest while it is not known: as many characters.
  package static let placeholder = String(repeating: "0", count: 64)
}
