import Base

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Files on their way from a staging folder to their places. Older files of their names, and others
/// that go, wait in the staging folder, so that all of it can be taken back.
struct Replacement {
  /// The staging folder, and the one that files go to.
  let staged: String
  let folder: String
  /// Whether older files may be replaced.
  let force: Bool
  private var steps: [(from: String, to: String)] = []
  /// Whether any older file waits.
  private(set) var hasOlder = false

  init(staged: String, folder: String, force: Bool) {
    self.staged = staged
    self.folder = folder
    self.force = force
  }

  /// What stands before the name of an older file while it waits.
  static let older = "older-"

  /// Takes an older file out of the folder, if there is one.
  /// - Throws: `SystemFault`.
  mutating func setAside(_ name: String) throws(SystemFault) {
    guard force else { return }
    do { try move("\(folder)/\(name)", to: "\(staged)/\(Self.older)\(name)") } catch {
      if error.number == ENOENT { return }
      throw error
    }
    hasOlder = true
  }

  /// Moves a staged file to its place.
  /// - Throws: `SystemFault`, `EEXIST` where an older one is in its place and must not be replaced.
  mutating func place(_ name: String) throws(SystemFault) {
    try setAside(name)
    try move("\(staged)/\(name)", to: "\(folder)/\(name)")
  }

  private mutating func move(_ from: String, to: String) throws(SystemFault) {
    let number = renameFile(from, to: to, replacing: false)
    guard number == 0 else { throw SystemFault(number: number) }
    steps.append((from, to))
  }

  /// Removes the older files, once all new ones are in place.
  func discardOlder() {
    for step in steps where step.to.hasPrefix("\(staged)/\(Self.older)") { unlink(step.to) }
  }

  /// After a failure that could not be undone: takes what is left of the older files out of the folder
  /// and what was placed back, as far as that goes, so that whoever moves one of the two models to its
  /// place finds nothing of the other there.
  func gather(_ names: [String]) {
    for step in steps.reversed() where step.from.hasPrefix("\(staged)/") {
      rename(step.to, step.from)
    }
    for name in names {
      let waiting = "\(staged)/\(Self.older)\(name)"
      if FileStamp(linkItself: waiting) == nil { rename("\(folder)/\(name)", waiting) }
    }
  }

  /// Undoes all steps.
  /// - Returns: whether everything is as it was.
  mutating func takeBack() -> Bool {
    while let step = steps.last {
      guard renameFile(step.to, to: step.from, replacing: false) == 0 else { return false }
      steps.removeLast()
    }
    return true
  }
}

/// An error number of the operating system.
struct SystemFault: Error {
  let number: Int32
}
