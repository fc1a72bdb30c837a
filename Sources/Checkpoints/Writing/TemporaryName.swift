import Base

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Hidden names beside an output, under which it is written before it gets its own.
///
/// Whoever writes under one holds a lock on it as long as it lives: what nobody holds is what a run that
/// was killed has left.
enum TemporaryName {
  private static let ending = ".partial"

  /// The beginning of all of an output's names.
  private static func beginning(of path: String) -> String {
    // A name may have 255 bytes: what is added must fit beside the output's own.
    ".\(String(decoding: Paths.name(of: path).utf8.prefix(200), as: UTF8.self))."
  }

  /// A name that no other process uses.
  static func new(for path: String) -> String {
    let random = String(UInt64.random(in: 0 ... .max), radix: 36)
    return "\(Paths.folder(of: path))/\(beginning(of: path))\(getpid())-\(random)\(ending)"
  }

  /// Says that a file or folder of such a name is in use, for as long as the descriptor is open.
  static func hold(_ descriptor: Int32) {
    if descriptor >= 0 { flock(descriptor, LOCK_EX | LOCK_NB) }
  }

  /// Removes what runs that were killed have left beside an output, but not the folders in which files of
  /// an older output wait.
  static func removeLeftovers(of path: String) {
    let (folder, beginning) = (Paths.folder(of: path), beginning(of: path))
    for name in folderNames(folder) ?? []
    where name.hasPrefix(beginning) && name.hasSuffix(ending) {
      let middle = name.dropFirst(beginning.count).dropLast(ending.count)
      // An output of a longer name has another middle.
      guard middle.wholeMatch(of: /[0-9]+-[0-9a-z]+/) != nil else { continue }
      remove("\(folder)/\(name)")
    }
  }

  private static func remove(_ path: String) {
    // One that was just created may not be locked yet.
    guard let stamp = FileStamp(linkItself: path), stamp.isRegular || stamp.isFolder,
      stamp.isSettled(for: 10)
    else { return }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return }
    guard stamp.isFolder else {
      unlink(path)
      return
    }
    let names = folderNames(path) ?? []
    guard !names.contains(where: { $0.hasPrefix(Replacement.older) }) else { return }
    for name in names { unlink("\(path)/\(name)") }
    rmdir(path)
  }
}
