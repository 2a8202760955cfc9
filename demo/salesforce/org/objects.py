"""The objects of the org: standard fields as a recorded describe has them, and custom ones."""

from demo.salesforce.org.schema import SObject, sobject

SYSTEM = """
CreatedDate | datetime | FSD | Created Date
CreatedById | reference 18 | FSD | Created By ID | -> User as CreatedBy
LastModifiedDate | datetime | FSD | Last Modified Date
LastModifiedById | reference 18 | FSD | Last Modified By ID | -> User as LastModifiedBy
SystemModstamp | datetime | FSD | System Modstamp
"""

SOURCES = "of Web, Phone Inquiry, Partner Referral, Purchased List, Other"

LEAD = f"""
Id | id 18 | FSD | Lead ID
IsDeleted | boolean | FSD | Deleted
MasterRecordId | reference 18 | NFS | Master Record ID | -> Lead as MasterRecord
LastName | string 80 | UCFS | Last Name | in Name
FirstName | string 40 | UCNFS | First Name | in Name
Salutation | picklist 40 | UCNFS | Salutation | in Name; of Mr., Ms., Mrs., Dr., Prof., Mx.
Name | string 121 | FS | Full Name | is name
Title | string 128 | UCNFS | Title
Company | string 255 | UCFS | Company
Street | textarea 255 | UCNFS | Street | in Address
City | string 40 | UCNFS | City | in Address
State | string 80 | UCNFS | State/Province | in Address
PostalCode | string 20 | UCNFS | Zip/Postal Code | in Address
Country | string 80 | UCNFS | Country | in Address
Latitude | double 18,15 | UCNFS | Latitude | in Address
Longitude | double 18,15 | UCNFS | Longitude | in Address
GeocodeAccuracy | picklist 40 | UCNFS | Geocode Accuracy | in Address; only Address, NearAddress, \
Block, Street, ExtendedZip, Zip, Neighborhood, City, County, State, Unknown
Address | address | NF | Address
Phone | phone 40 | UCNFS | Phone
MobilePhone | phone 40 | UCNFS | Mobile Phone
Fax | phone 40 | UCNFS | Fax
Email | email 80 | UCNFS | Email
Website | url 255 | UCNFS | Website
PhotoUrl | url 255 | NFS | Photo URL
Description | textarea 32000 | UCN | Description
LeadSource | picklist 255 | UCNFS | Lead Source | {SOURCES}
Status | picklist 255 | UCFSD | Status | of Open - Not Contacted, Working - Contacted, \
Closed - Converted, Closed - Not Converted
Industry | picklist 255 | UCNFS | Industry | of Agriculture, Apparel, Banking, Biotechnology, \
Chemicals, Communications, Construction, Consulting, Education, Electronics, Energy, Engineering, \
Entertainment, Environmental, Finance, Food & Beverage, Government, Healthcare, Hospitality, \
Insurance, Machinery, Manufacturing, Media, Not For Profit, Recreation, Retail, Shipping, \
Technology, Telecommunications, Transportation, Utilities, Other
Rating | picklist 255 | UCNFS | Rating | of Hot, Warm, Cold
AnnualRevenue | currency 18,0 | UCNFS | Annual Revenue
NumberOfEmployees | int 8 | UCNFS | Employees
OwnerId | reference 18 | UCFSD | Owner ID | -> Group/User as Owner
IsConverted | boolean | CFSD | Converted
ConvertedDate | date | NFS | Converted Date
ConvertedAccountId | reference 18 | NFS | Converted Account ID | -> Account as ConvertedAccount
ConvertedContactId | reference 18 | NFS | Converted Contact ID | -> Contact as ConvertedContact
ConvertedOpportunityId | reference 18 | NFS | Converted Opportunity ID | \
-> Opportunity as ConvertedOpportunity
IsUnreadByOwner | boolean | UCFSD | Unread By Owner
{SYSTEM.strip()}
LastActivityDate | date | NFS | Last Activity
LastViewedDate | datetime | NFS | Last Viewed Date
LastReferencedDate | datetime | NFS | Last Referenced Date
Jigsaw | string 20 | UCNFS | Data.com Key
JigsawContactId | string 20 | NFS | Jigsaw Contact ID | -> as JigsawContact
CleanStatus | picklist 40 | UCNFS | Clean Status | only Matched, Different, Acknowledged, \
NotFound, Inactive, Pending, SelectMatch, Skipped
CompanyDunsNumber | string 9 | UCNFS | Company D-U-N-S Number
DandbCompanyId | reference 18 | UCNFS | D&B Company ID | -> DandBCompany as DandbCompany
EmailBouncedReason | string 255 | UNFS | Email Bounced Reason
EmailBouncedDate | datetime | UNFS | Email Bounced Date
IndividualId | reference 18 | UCNFS | Individual ID | -> Individual as Individual
"""

# What the product writes, as its metadata deploys them.
SCORES = """
Conversion_Score__c | double 5,2 | UCNFS | Conversion Score
Conversion_Band__c | picklist 255 | UCNFS | Conversion Band | of High, Medium, Low
Score_Reasons__c | textarea 1024 | UCN | Score Reasons
Score_Updated_At__c | datetime | UCNFS | Score Updated At
Score_Model_Version__c | string 40 | UCNFS | Score Model Version
"""

# What an administrator has added, for the features that no standard field holds.
FEATURES = """
Age__c | double 3,0 | UCNFS | Age
Email_Opens__c | double 18,0 | UCNFS | Email Opens
Website_Visits__c | double 18,0 | UCNFS | Website Visits
Content_Downloads__c | double 18,0 | UCNFS | Content Downloads
"""

OPPORTUNITY = f"""
Id | id 18 | FSD | Opportunity ID
IsDeleted | boolean | FSD | Deleted
AccountId | reference 18 | UCNFS | Account ID | -> Account as Account
IsPrivate | boolean | UCFSD | Private
Name | string 120 | UCFS | Name | is name
Description | textarea 32000 | UCN | Description
StageName | picklist 255 | UCFS | Stage | of Prospecting, Qualification, Needs Analysis, \
Value Proposition, Id. Decision Makers, Perception Analysis, Proposal/Price Quote, \
Negotiation/Review, Closed Won, Closed Lost
Amount | currency 18,2 | UCNFS | Amount
Probability | percent 3,0 | UCNFSD | Probability (%)
ExpectedRevenue | currency 18,2 | NFS | Expected Amount
TotalOpportunityQuantity | double 18,2 | UCNFS | Quantity
CloseDate | date | UCFS | Close Date
Type | picklist 255 | UCNFS | Opportunity Type | of Existing Customer - Upgrade, \
Existing Customer - Replacement, Existing Customer - Downgrade, New Customer
NextStep | string 255 | UCNFS | Next Step
LeadSource | picklist 255 | UCNFS | Lead Source | {SOURCES}
IsClosed | boolean | FSD | Closed
IsWon | boolean | FSD | Won
ForecastCategory | picklist 40 | FS | Forecast Category | only Omitted, Pipeline, BestCase, \
MostLikely, Forecast, Closed
ForecastCategoryName | picklist 255 | UCNFSD | Forecast Category | only Omitted, Pipeline, \
Best Case, Commit, Closed
CampaignId | reference 18 | UCNFS | Campaign ID | -> Campaign as Campaign
HasOpportunityLineItem | boolean | FSD | Has Line Item
Pricebook2Id | reference 18 | UCNFSD | Price Book ID | -> Pricebook2 as Pricebook2
OwnerId | reference 18 | UCFSD | Owner ID | -> User as Owner
{SYSTEM.strip()}
LastActivityDate | date | NFS | Last Activity
LastStageChangeDate | datetime | NFS | Last Stage Change Date
FiscalQuarter | int 8 | NFS | Fiscal Quarter | in Fiscal
FiscalYear | int 8 | NFS | Fiscal Year | in Fiscal
Fiscal | string 6 | NFS | Fiscal Period
ContactId | reference 18 | CNFS | Contact ID | -> Contact
LastViewedDate | datetime | NFS | Last Viewed Date
LastReferencedDate | datetime | NFS | Last Referenced Date
HasOpenActivity | boolean | D | Has Open Activity
HasOverdueTask | boolean | D | Has Overdue Task
LastAmountChangedHistoryId | reference 18 | NFS | Opportunity History ID | \
-> OpportunityHistory as LastAmountChangedHistory
LastCloseDateChangedHistoryId | reference 18 | NFS | Opportunity History ID | \
-> OpportunityHistory as LastCloseDateChangedHistory
"""

ROLE = f"""
Id | id 18 | FSD | Contact Role ID
OpportunityId | reference 18 | CFS | Opportunity ID | -> Opportunity as Opportunity
ContactId | reference 18 | UCFS | Contact ID | -> Contact as Contact
Role | picklist 40 | UCNFS | Role | of Business User, Decision Maker, Economic Buyer, \
Economic Decision Maker, Evaluator, Executive Sponsor, Influencer, Technical Buyer, Other
IsPrimary | boolean | UCFSD | Primary
{SYSTEM.strip()}
IsDeleted | boolean | FSD | Deleted
"""

ACCOUNT = f"""
Id | id 18 | FSD | Account ID
IsDeleted | boolean | FSD | Deleted
Name | string 255 | UCFS | Account Name | is name
OwnerId | reference 18 | UCFSD | Owner ID | -> User as Owner
{SYSTEM.strip()}
"""

CONTACT = f"""
Id | id 18 | FSD | Contact ID
IsDeleted | boolean | FSD | Deleted
AccountId | reference 18 | UCNFS | Account ID | -> Account as Account
LastName | string 80 | UCFS | Last Name
FirstName | string 40 | UCNFS | First Name
Name | string 121 | FS | Full Name | is name
Email | email 80 | UCNFS | Email
OwnerId | reference 18 | UCFSD | Owner ID | -> User as Owner
{SYSTEM.strip()}
"""

LEAD_STATUS = f"""
Id | id 18 | FSD | Lead Status Value ID
MasterLabel | string 255 | NFS | Master Label
ApiName | string 255 | FS | API Name
SortOrder | int 9 | NFS | Sort Order
IsDefault | boolean | FSD | Is Default
IsConverted | boolean | FSD | Is Converted
{SYSTEM.strip()}
"""

STAGE = f"""
Id | id 18 | FSD | Opportunity Stage ID
MasterLabel | string 255 | NFS | Master Label
ApiName | string 255 | FS | API Name
IsActive | boolean | FSD | Is Active
SortOrder | int 9 | NFS | Sort Order
IsClosed | boolean | FSD | Closed
IsWon | boolean | FSD | Won
DefaultProbability | percent 3,0 | NFS | Probability (%)
{SYSTEM.strip()}
"""

USER = f"""
Id | id 18 | FSD | User ID
Username | string 80 | UCFS | Username
Name | string 121 | FS | Full Name | is name
Email | email 128 | UCFS | Email
IsActive | boolean | UCFSD | Active
{SYSTEM.strip()}
"""

GROUP = f"""
Id | id 18 | FSD | Group ID
Name | string 40 | UCFS | Name | is name
Type | picklist 40 | CFS | Type | only Regular, Role, Organization, Queue
{SYSTEM.strip()}
"""

ORGANIZATION = f"""
Id | id 18 | FSD | Organization ID
Name | string 80 | UFS | Name | is name
InstanceName | string 5 | NFS | Instance Name
IsSandbox | boolean | FSD | Is Sandbox
OrganizationType | picklist 40 | NFS | Edition
TimeZoneSidKey | picklist 40 | UFS | Time Zone
{SYSTEM.strip()}
"""


def all_objects() -> dict[str, SObject]:
    """Every object by its lower-case name, fresh for each org."""
    made = [
        sobject("Lead", "00Q", "Leads", LEAD + SCORES.lstrip() + FEATURES.lstrip()),
        sobject("Opportunity", "006", "Opportunities", OPPORTUNITY),
        sobject("OpportunityContactRole", "00K", "Opportunity Contact Role", ROLE),
        sobject("Account", "001", "Accounts", ACCOUNT),
        sobject("Contact", "003", "Contacts", CONTACT),
        sobject("LeadStatus", "01J", "Lead Status Value", LEAD_STATUS),
        sobject("OpportunityStage", "01K", "Opportunity Stage", STAGE),
        sobject("User", "005", "Users", USER),
        sobject("Group", "00G", "Group", GROUP),
        sobject("Organization", "00D", "Organizations", ORGANIZATION),
    ]
    return {each.name.lower(): each for each in made}
