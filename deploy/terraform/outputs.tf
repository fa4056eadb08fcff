output "namespace" {
  description = "Namespace of the release."
  value       = kubernetes_namespace_v1.volcast.metadata[0].name
}

output "revision" {
  description = "Revision of the release, for `helm rollback`."
  value       = helm_release.volcast.metadata.revision
}
