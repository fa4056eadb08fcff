# The namespace with its level of Pod Security, and the release. Secrets (Kafka's password, the API's tokens) are made elsewhere:
# what is written here stands in Terraform's state in the clear.

resource "kubernetes_namespace_v1" "volcast" {
  metadata {
    name = var.namespace
    labels = {
      "pod-security.kubernetes.io/enforce" = "restricted"
      "pod-security.kubernetes.io/audit"   = "restricted"
      "pod-security.kubernetes.io/warn"    = "restricted"
    }
  }
}

resource "helm_release" "volcast" {
  name      = "volcast"
  namespace = kubernetes_namespace_v1.volcast.metadata[0].name
  chart     = "${path.module}/../helm/volcast"

  values = [
    file("${path.module}/../helm/environments/${var.environment}.yaml"),
    yamlencode(var.values),
  ]

  # A release whose pods do not become ready is rolled back. A consumer that restores a long log needs minutes.
  atomic          = true
  cleanup_on_fail = true
  timeout         = 900
  max_history     = 10
}
