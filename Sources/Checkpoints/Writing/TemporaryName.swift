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
  private static let olderEnding = ".older"

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

  /// The name of an older folder that has changed places with the folder of a temporary name.
  static func older(of path: String) -> String {
    String(path.dropLast(ending.count)) + olderEnding
  }

  /// Says that a file or folder of such a name is in use, for as long as the descriptor is open.
  static func hold(_ descriptor: Int32) {
    if descriptor >= 0 { flock(descriptor, LOCK_EX | LOCK_NB) }
  }

  /// The folder beside an output in which a run that was stopped has left files of an older one: a file of this
  /// name among them. Nil where there is none, or while a run still holds it.
  static func halfReplaced(_ path: String, without name: String) -> String? {
    let folder = Paths.folder(of: path)
    return leftovers(of: path, ending: ending).map { "\(folder)/\($0)" }.first { staged in
      FileStamp(linkItself: "\(staged)/\(Replacement.older)\(name)") != nil && !isHeld(staged)
    }
  }

  private static func isHeld(_ path: String) -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_SH | LOCK_NB) != 0
  }

  /// Names beside an output that are temporary ones of it.
  private static func leftovers(of path: String, ending: String) -> [String] {
    let beginning = beginning(of: path)
    return (folderNames(Paths.folder(of: path)) ?? []).filter { name in
      guard name.hasPrefix(beginning), name.hasSuffix(ending) else { return false }
      // An output of a longer name has another middle.
      let middle = name.dropFirst(beginning.count).dropLast(ending.count)
      return middle.wholeMatch(of: /[0-9]+-[0-9a-z]+/) != nil
    }
  }

  /// Removes what runs that were killed have left beside an output, but not the folders in which files of
  /// an older output wait.
  static func removeLeftovers(of path: String) {
    let folder = Paths.folder(of: path)
    for name in leftovers(of: path, ending: ending) {
      ifNobodyHolds("\(folder)/\(name)") { name, isFolder in remove(name, isFolder: isFolder) }
    }
    for name in leftovers(of: path, ending: olderEnding) {
      ifNobodyHolds("\(folder)/\(name)") { name, isFolder in
        if isFolder { OlderFolder(name, newer: path).removeLeftover() }
      }
    }
  }

  private static func ifNobodyHolds(_ path: String, _ remove: (String, Bool) -> Void) {
    // One that was just created may not be locked yet.
    guard let stamp = FileStamp(linkItself: path), stamp.isRegular || stamp.isFolder,
      stamp.isSettled(for: 10)
    else { return }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { remove(path, stamp.isFolder) }
  }

  private static func remove(_ path: String, isFolder: Bool) {
    guard isFolder else {
      unlink(path)
      return
    }
    let names = folderNames(path) ?? []
    guard !names.contains(where: { $0.hasPrefix(Replacement.older) }) else { return }
    for name in names { unlink("\(path)/\(name)") }
    rmdir(path)
  }
}
