variable "kubeconfig" {
  description = "File with the credentials of the cluster."
  type        = string
  default     = "~/.kube/config"
}

variable "context" {
  description = "Context of that file."
  type        = string
}

variable "environment" {
  description = "Which values of deploy/helm/environments are used."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "The environment is dev, staging or prod."
  }
}

variable "namespace" {
  description = "Namespace of the release; it is created."
  type        = string
  default     = "volcast"
}

variable "values" {
  description = "Values of the chart that take precedence over those of the environment."
  type        = any
  default     = {}
}
