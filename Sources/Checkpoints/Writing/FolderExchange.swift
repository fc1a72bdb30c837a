import Base

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A staged folder that changes places with an older one, in one call of the system: whatever stops the
/// program, what stands at the path is the old model or the new one, whole.
///
/// What is nobody's model in the older folder is linked into the staged one before. A folder that another
/// cannot stand for in full is not exchanged: one with folders in it, with other owners or attributes, one that
/// a process works in, or that a link leads to.
struct FolderExchange {
  /// RENAME_EXCHANGE of Linux, RENAME_SWAP of Darwin.
  private static let flag: UInt32 = 2

  let staged: String
  let folder: String
  /// Names of the older folder that do not stay.
  let going: Set<String>
  private var carried: [String] = []

  init(staged: String, folder: String, going: Set<String>) {
    self.staged = staged
    self.folder = folder
    self.going = going
  }

  /// Makes the staged folder what the older one is to be.
  /// - Returns: whether it stands for it in full; if not, it is as it was before.
  mutating func carry() -> Bool {
    guard WriteFaults.current?.exchangesNothing != true, OptionalCalls.renameAt != nil,
      !Self.isWorkedIn(folder), Self.givesRights(of: folder, to: staged),
      let names = folderNames(folder)
    else { return false }
    for name in names where !going.contains(name) {
      let (old, new) = ("\(folder)/\(name)", "\(staged)/\(name)")
      guard FileStamp(linkItself: old)?.isFolder == false,
        uninterrupted({ linkat(AT_FDCWD, old, AT_FDCWD, new, 0) }) == 0
      else {
        drop()
        return false
      }
      carried.append(name)
    }
    return true
  }

  /// Takes what was linked out of the staged folder again.
  mutating func drop() {
    for name in carried { unlink("\(staged)/\(name)") }
    carried = []
  }

  /// Whether anything was linked.
  var carriesFiles: Bool { !carried.isEmpty }

  /// Exchanges the two; 0 or the number of the error.
  func exchange() -> Int32 {
    guard let call = OptionalCalls.renameAt else { return ENOSYS }
    return uninterrupted { call(AT_FDCWD, staged, AT_FDCWD, folder, Self.flag) }
  }

  /// Whether a process works in the folder or below: it would be left in the one that goes. Of other users'
  /// processes the system may not tell.
  private static func isWorkedIn(_ folder: String) -> Bool {
    guard let real = realpath(folder, nil) else { return true }
    let there = String(cString: real) + "/"
    free(real)
    guard let real = realpath(".", nil) else { return true }
    let here = String(cString: real) + "/"
    free(real)
    if here.hasPrefix(there) { return true }
    let processes = (folderNames("/proc") ?? []).filter { $0.first?.isNumber == true }
    return processes.contains { process in
      guard let real = realpath("/proc/\(process)/cwd", nil) else { return false }
      defer { free(real) }
      return (String(cString: real) + "/").hasPrefix(there)
    }
  }

  /// Gives a folder the rights of another one.
  /// - Returns: whether it has all of them now: owner, group and mode; false where either has extended attributes.
  private static func givesRights(of folder: String, to staged: String) -> Bool {
    var (old, new) = (stat(), stat())
    guard lstat(folder, &old) == 0, old.st_mode & S_IFMT == S_IFDIR,
      // A folder that may not be written stays as it is.
      access(folder, W_OK | X_OK) == 0, !hasAttributes(folder),
      chmod(staged, old.st_mode & 0o7777) == 0, lstat(staged, &new) == 0
    else { return false }
    return new.st_mode == old.st_mode && new.st_uid == old.st_uid && new.st_gid == old.st_gid
      && !hasAttributes(staged)
  }

  /// Whether a folder has extended attributes, such as lists of who may do what; those of the
  /// system's own security come by themselves.
  private static func hasAttributes(_ folder: String) -> Bool {
    guard let call = OptionalCalls.listAttributes else { return false }
    var names = [CChar](repeating: 0, count: 1 << 16)
    let count = call(folder, &names, names.count)
    guard count > 0 else { return count < 0 && errno != ENOTSUP }
    return names[..<count].split(separator: 0).contains { name in
      !String(decoding: name.map { UInt8(bitPattern: $0) }, as: UTF8.self).hasPrefix("security.")
    }
  }
}
