import Base

/// Where paths lead, through links, `.`, `..` and case, also those where nothing stands yet.
struct PlacesOfFiles {
  /// A file or folder: two paths of one place are one file.
  enum Place: Hashable {
    case there(device: UInt64, inode: UInt64)
    /// What is not there yet, by a path without links.
    case path(String)
  }

  private let foldsCase: ((String) -> Bool)?
  /// Folders of paths, without links, and their places: many files stand in few folders.
  private var folders: [String: (path: String, place: Place, folds: Bool)] = [:]

  /// - Parameter foldsCase: whether names in a folder, by its path, are one where they differ in
  ///   case alone; nil asks the file system.
  init(foldsCase: ((String) -> Bool)?) { self.foldsCase = foldsCase }

  /// The place of a file, and of the folder that it stands in once links are followed.
  mutating func place(of path: String) -> (place: Place, folder: Place) {
    let name = Paths.name(of: path)
    guard !name.isEmpty, name != ".", name != ".." else {
      let place = place(ofFolder: path)
      return (place, place)
    }
    let folder = folder(Paths.folder(of: path))
    let whole = "\(folder.path == "/" ? "" : folder.path)/\(name)"
    guard Paths.link(at: whole) == nil else {
      let target = Paths.resolved(whole)
      let parent = self.folder(Paths.folder(of: target))
      return (Self.place(target, parent.folds), parent.place)
    }
    return (Self.place(whole, folder.folds), folder.place)
  }

  /// The place of a folder.
  mutating func place(ofFolder path: String) -> Place { folder(path).place }

  private mutating func folder(_ path: String) -> (path: String, place: Place, folds: Bool) {
    if let known = folders[path] { return known }
    let resolved = Paths.resolved(path)
    let folds = foldsCase?(resolved) ?? Self.foldsCase(resolved)
    let made: (path: String, place: Place, folds: Bool) = (
      resolved, Self.place(resolved, folds), folds
    )
    folders[path] = made
    return made
  }

  /// The place of a path without links.
  private static func place(_ path: String, _ folds: Bool) -> Place {
    if let stamp = FileStamp(path: path) {
      return .there(device: stamp.device, inode: stamp.inode)
    }
    return .path(folds ? path.lowercased() : path)
  }

  /// Whether the file system takes names in a folder for one that differ in case alone: asked by a
  /// name in the nearest folder that is there, or by that folder's own.
  private static func foldsCase(_ folder: String) -> Bool {
    var nearest = folder
    while nearest != "/", FileStamp(path: nearest)?.isFolder != true {
      nearest = Paths.folder(of: nearest)
    }
    func swapped(_ name: String) -> String {
      let upper = name.uppercased()
      return upper == name ? name.lowercased() : upper
    }
    let name = (folderNames(nearest) ?? []).first { swapped($0) != $0 }
    let (parent, own) =
      name.map { (nearest, $0) } ?? (Paths.folder(of: nearest), Paths.name(of: nearest))
    guard let one = FileStamp(path: "\(parent)/\(own)"),
      let other = FileStamp(path: "\(parent)/\(swapped(own))")
    else { return false }
    return swapped(own) != own && one.isSameFile(as: other)
  }
}
