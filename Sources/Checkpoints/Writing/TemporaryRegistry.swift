import CKernels

/// The temporary files and folders that SIGINT, SIGTERM and SIGBUS remove.
enum TemporaryRegistry {
  /// A folder is registered before the files in it.
  static func register(_ path: String) { rc_register_temporary(path) }
  static func unregister(_ path: String) { rc_unregister_temporary(path) }
}
