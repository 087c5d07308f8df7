from django.contrib import admin

from django_site.models import Subscription


@admin.register(Subscription)
class SubscriptionAdmin(admin.ModelAdmin):
    list_display = ["device", "wanted"]
    list_filter = ["wanted"]
    search_fields = ["wanted"]
    show_facets = admin.ShowFacets.ALWAYS
